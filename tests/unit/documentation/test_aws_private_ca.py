"""The guide to AWS Private CA agrees with AWS's model of the service and with the bucket policy of the template."""

from __future__ import annotations

import json
import re

import botocore.session
import pytest
from botocore.validate import ParamValidator

from tests.aws.yaml_templates import yaml_parse
from tests.unit.documentation.markdown import PROJECT, Fence, fences, section

PAGE = "docs/aws-private-ca.md"
CA_ID = "01234567-89ab-cdef-0123-456789abcdef"
CONFIGURATIONS = [fence for fence in fences("json") if fence.page == PAGE]


@pytest.mark.parametrize("fence", CONFIGURATIONS, ids=str)
def test_a_revocation_configuration_is_one_that_the_service_takes(fence: Fence) -> None:
    configuration = json.loads(fence.text)
    model = botocore.session.Session().get_service_model("acm-pca")
    report = ParamValidator().validate(configuration, model.shape_for("RevocationConfiguration"))
    assert not report.has_errors(), report.generate_report()
    crl = configuration["CrlConfiguration"]
    members = model.shape_for("CrlConfiguration").members  # type: ignore[attr-defined]
    assert crl.keys() <= members.keys()
    for name in ("S3ObjectAcl", "CrlType"):
        assert crl.get(name, members[name].enum[0]) in members[name].enum
    assert crl.get("CustomPath", f"crl/{CA_ID}") == f"crl/{CA_ID}"


def test_the_parameters_have_values_that_the_templates_accept() -> None:
    commands = [
        line for fence in fences("sh") if fence.page == PAGE for line in fence.text.replace("\\\n", "").split("\n")
    ]
    template, checked = "", []
    for words in (command.split() for command in commands):
        if words[:2] == ["sam", "build"]:
            template = words[3] if len(words) > 2 else "template.yaml"
        if words[:2] == ["sam", "deploy"]:
            parameters = yaml_parse((PROJECT / template).read_text(encoding="utf-8"))["Parameters"]
            for name, _, value in (word.partition("=") for word in words if "=" in word):
                assert re.fullmatch(parameters[name]["AllowedPattern"], value), name
                checked.append(name)
    assert {"PrivateCaArns", "CrlUris", "TruststoreUri"} <= set(checked)


def test_complete_and_partitioned_crls_are_shown() -> None:
    types = [json.loads(fence.text)["CrlConfiguration"].get("CrlType") for fence in CONFIGURATIONS]
    assert types == [None, "PARTITIONED"]


def test_the_prefixes_are_those_of_the_template() -> None:
    template = (PROJECT / "templates/revocation.yaml").read_text(encoding="utf-8")
    table = section(PAGE, "Who may write to the bucket")
    for shown, written in (
        ("`crl/<CA ID>.crl`", "${CrlBucket.Arn}/crl/${Id}.crl"),
        ("`crl/<CA ID>/*`", "${CrlBucket.Arn}/crl/${Id}/*"),
        ("`fetched/*.crl`", "${CrlBucketName}/fetched/*.crl"),
        ("`published/<role name>/*`", "${CrlBucket.Arn}/published/${Name}/*"),
        ("`*.index`", "${CrlBucket.Arn}/*.index"),
    ):
        assert shown in table
        assert written in template
    policy = yaml_parse((PROJECT / "templates/revocation.yaml").read_text(encoding="utf-8"))
    assert "PrivateCa4" in json.dumps(policy)
    assert "PrivateCa5" not in json.dumps(policy)
