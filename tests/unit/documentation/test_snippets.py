"""Commands, templates, queries and diagrams on the pages are what their tools accept, as far as it can be checked here.

Other modules check Python, rules, and commands of the AWS CLI.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import hcl2
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]
from hcl2.rules.base import AttributeRule, BlockRule

from mtls_authorizer.policy.settings import VARIABLES, load_settings
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus
from mtls_authorizer.telemetry.decision_log import log_fields
from tests.aws.yaml_templates import yaml_parse
from tests.observations import NOW, observation
from tests.unit.documentation.markdown import PROJECT, Fence, codes, fences, first_column, pages, prose

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
LANGUAGES = {
    "csv", "dockerfile", "hcl", "insights", "json", "mermaid", "properties", "python", "sh", "text", "yaml",
}  # fmt: skip
PROGRAMS = {
    ".venv/bin/mtls-authorizer",
    "aws",
    "cat",
    "cosign",
    "curl",
    "docker",
    "done",
    "export",
    "for",
    "git",
    "make",
    "mkdir",
    "mtls-authorizer",
    "openssl",
    "pip",
    "python3",
    "rm",
    "sam",
    "sed",
    "terraform",
    "while",
    "sha256sum",
    "zip",
}
OPTIONS: dict[str, set[str]] = {
    "cosign": {"--bundle", "--certificate-identity", "--certificate-oidc-issuer", "--yes"},
    "curl": {"--cacert", "--cert", "--include", "--key", "--noproxy"},
    "docker": {"--build-arg", "--file", "--tag"},
    "git": set(),
    "pip": set(),
    "sha256sum": {"--check"},
    "zip": {"--junk-paths"},
}
SAM_OPTIONS = {
    "build": {"--template-file"},
    "deploy": {"--template-file", "--stack-name", "--resolve-s3", "--capabilities", "--parameter-overrides"},
    "delete": {"--stack-name"},
    "package": {"--template-file", "--s3-bucket", "--output-template-file"},
    "publish": {"--template"},
}


def test_every_block_has_a_language_that_is_checked() -> None:
    assert {(fence.page, fence.line) for fence in fences() if fence.language not in LANGUAGES} == set()


# Shell.


def words_of(line: str) -> list[str]:
    """Return the words of a command, without the variables that are set for it."""
    words = shlex.split(line, comments=True)
    while re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def commands(program: str = "") -> list[Any]:
    """Return the command lines on the pages, of one program or of all."""
    return [
        pytest.param(line, id=f"{fence.page}: {line[:40]}")
        for fence in fences("sh")
        for line in re.sub(r" *\\\n *", " ", fence.text).splitlines()
        if line and not line.startswith("#") and words_of(line)[0].startswith(program)
    ]


@pytest.mark.parametrize("line", commands())
def test_a_command_is_of_a_known_program(line: str) -> None:
    assert words_of(line)[0] in PROGRAMS


@pytest.mark.parametrize("program", OPTIONS)
def test_a_program_that_no_test_runs_has_known_options(program: str) -> None:
    used = {word.partition("=")[0] for line in commands(program) for word in words_of(line.values[0])[1:]}
    assert {word for word in used if word.startswith("-")} == OPTIONS[program]


@pytest.mark.parametrize("line", commands("make"))
def test_a_make_target_exists_and_reads_the_variables(line: str) -> None:
    _, target, *variables = words_of(line)
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)
    for variable in variables:
        name = variable.partition("=")[0]
        # The local gateway uses the authorizer's variables of its environment, where make's are as well.
        used = VARIABLES if target == "run" else ()
        assert name in used or re.search(rf"\$\$?[{{(]?{name}\b", MAKEFILE), name


def test_every_make_target_in_the_text_exists() -> None:
    targets = {(page, each) for page, text in pages().items() for each in re.findall(r"`make ([a-z0-9-]+)", text)}
    assert len(targets) > 10
    assert [each for each in targets if not re.search(rf"^{each[1]}:", MAKEFILE, re.MULTILINE)] == []


@pytest.mark.parametrize("page", sorted({fence.page for fence in fences("sh") if "sam deploy" in fence.text}))
def test_sam_commands_have_options_and_parameters_that_exist(page: str) -> None:
    template = "template.yaml"
    for fence in fences("sh"):
        if fence.page != page:
            continue
        for line in re.sub(r" *\\\n *", " ", fence.text).splitlines():
            if not line.startswith("sam "):
                continue
            _, subcommand, *words = shlex.split(line)
            assert {word for word in words if word.startswith("--")} <= SAM_OPTIONS[subcommand], line
            if subcommand in {"build", "deploy"} and words[0:1] == ["--template-file"]:
                template = words[1]
            elif subcommand == "build":
                template = "template.yaml"
            parameters = yaml_parse((PROJECT / template).read_text(encoding="utf-8"))["Parameters"]
            overrides = {word.partition("=")[0] for word in words if re.match(r"[A-Z]\w+=", word)}
            assert overrides <= parameters.keys(), line


@pytest.mark.parametrize("fence", [fence for fence in fences("sh") if "sam deploy" in fence.text], ids=str)
def test_a_template_is_built_before_it_is_deployed(fence: Fence) -> None:
    """Otherwise, the SAM CLI deploys what was built last, which can be the template of another stack."""
    before, _, after = fence.text.partition("sam deploy ")
    assert "sam build" in before or after.startswith("--template-file")


def test_the_example_of_samconfig_is_named_where_it_is() -> None:
    assert (PROJECT / "samconfig.toml.example").is_file()


@pytest.mark.parametrize("page", sorted({fence.page for fence in fences("sh")}))
def test_a_variable_of_the_shell_is_set_or_explained_on_the_page(page: str) -> None:
    known = set(codes(prose(pages()[page])))
    for fence in fences("sh"):
        if fence.page == page:
            used = re.findall(r"\$([A-Z_]+)", re.sub(r"(?<![\"\w])'[^']*'", "", fence.text))
            known |= set(re.findall(r"\b(?:for )?([A-Z_]+)(?==| in )", fence.text))
            known |= {name for names in re.findall(r"\bread -r ([A-Z_ ]+)", fence.text) for name in names.split()}
            assert set(used) <= known, fence.line


def test_an_exported_variable_is_not_taken_for_one_of_the_authorizer() -> None:
    """Otherwise, ``explain`` fails in the same shell: the authorizer rejects names that look misspelt."""
    lines = re.findall(r"^export (.+)", "\n".join(fence.text for fence in fences("sh")), re.MULTILINE)
    names = {name for line in lines for name in re.findall(r"(?:^| )([A-Z_]+)=", line)}
    assert len(names) > 5
    assert names.isdisjoint(VARIABLES)
    assert load_settings(dict.fromkeys(names, "x"))


@pytest.mark.parametrize("fence", fences("properties"), ids=str)
def test_variables_have_names_and_values_that_the_authorizer_accepts(fence: Fence) -> None:
    assert load_settings(dict(line.split("=", 1) for line in fence.text.splitlines()))


# Templates.


PEM = "$context.identity.clientCert.clientCertPem"
OPENAPI = [fence for fence in fences("yaml") if "securitySchemes" in fence.text]


@pytest.mark.parametrize("fence", [fence for fence in fences("yaml") if fence not in OPENAPI], ids=str)
def test_resources_have_properties_that_exist(fence: Fence) -> None:
    for resource in yaml_parse(fence.text).values():
        assert resource.keys() == {"Type", "Properties"}
        properties = set(resource["Properties"])
        if resource["Type"] == "AWS::Serverless::Api":
            example = yaml_parse((PROJECT / "examples/attach/rest_api.sam.yaml").read_text(encoding="utf-8"))
            assert properties <= set(example["Resources"]["Api"]["Properties"])
        else:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", resource["Type"]).schema
            assert properties <= schema["properties"].keys()
            assert set(schema.get("required", ())) <= properties


def test_no_template_caches_or_lets_other_apis_invoke_the_authorizer() -> None:
    resources = [each for fence in fences("yaml") if fence not in OPENAPI for each in yaml_parse(fence.text).values()]
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        found.setdefault(resource["Type"], []).append(resource["Properties"])
    (api,) = found["AWS::Serverless::Api"]
    (identity,) = [each["Identity"] for each in api["Auth"]["Authorizers"].values()]
    assert (api["DisableExecuteApiEndpoint"], identity) == (True, {"ReauthorizeEvery": 0})
    (rest,), (http,) = found["AWS::ApiGateway::Authorizer"], found["AWS::ApiGatewayV2::Authorizer"]
    assert [each["AuthorizerResultTtlInSeconds"] for each in (rest, http)] == [0, 0]
    assert (rest.get("IdentitySource"), http["IdentitySource"]) == (None, [PEM])
    arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/authorizers/${Authorizer}"
    assert [each["SourceArn"] for each in found["AWS::Lambda::Permission"]] == [{"Fn::Sub": arn}] * 2


def test_no_command_caches_or_lets_other_apis_invoke_a_function() -> None:
    lines = [line.values[0] for line in commands("aws")]
    authorizers = [line for line in lines if " create-authorizer " in line]
    assert len(authorizers) == 2
    assert [line for line in authorizers if "--authorizer-result-ttl-in-seconds 0" not in line] == []
    permissions = [line for line in lines if " add-permission " in line and "apigateway.amazonaws.com" in line]
    assert len(permissions) > 2
    source = re.compile(r' --source-arn "?arn:aws:execute-api:[^:*]+:[^:*]+:[^:*/]+/')
    assert [line for line in permissions if source.search(line) is None] == []


@pytest.mark.parametrize("fence", OPENAPI, ids=str)
def test_an_openapi_definition_requires_the_authorizer_and_the_custom_domain(fence: Fence) -> None:
    definition = yaml_parse(fence.text)
    ((name, scheme),) = definition["components"]["securitySchemes"].items()
    # At the top, API Gateway ignores both: https://github.com/amazon-archives/aws-apigateway-importer/issues/204, and
    # https://github.com/aws/serverless-application-model/issues/2396.
    assert "security" not in definition
    operations = [operation for path in definition["paths"].values() for operation in path.values()]
    assert [operation["security"] for operation in operations] == [[{name: []}]]
    off = {"x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": True}}
    assert definition["servers"] == [off]
    authorizer = scheme.pop("x-amazon-apigateway-authorizer")
    assert authorizer.pop("authorizerUri").endswith("/functions/FUNCTION_ARN/invocations")
    common = {"type": "request", "authorizerResultTtlInSeconds": 0}
    key = {"type": "apiKey", "in": "header", "name": "Unused"}
    assert (scheme, authorizer) in (
        ({**key, "x-amazon-apigateway-authtype": "custom"}, common),
        (key, {**common, "authorizerPayloadFormatVersion": "2.0", "identitySource": PEM}),
    )


def test_there_is_an_openapi_definition_for_each_kind_of_api() -> None:
    assert ["identitySource" in fence.text for fence in OPENAPI] == [False, True]


MODULES = PROJECT / "terraform/modules"


def labelled_blocks(text: str) -> list[tuple[list[str], set[str]]]:
    """Return the labels of each block of a Terraform file, and the names of its arguments and blocks."""
    found = []
    for block in hcl2.parses(text).body.children:
        if isinstance(block, BlockRule):
            inner = {
                str(child.identifier.serialize())
                if isinstance(child, AttributeRule)
                else str(child.labels[0].serialize())
                for child in block.body.children
                if isinstance(child, AttributeRule | BlockRule)
            }
            found.append(([str(label.serialize()).strip('"') for label in block.labels], inner))
    return found


@pytest.mark.parametrize("fence", fences("hcl"), ids=str)
def test_terraform_blocks_have_arguments_that_the_provider_and_the_modules_have(fence: Fence) -> None:
    schema = json.loads((PROJECT / "tests/integration/terraform/provider_schema.json").read_text())["types"]
    blocks = labelled_blocks(fence.text)
    assert blocks
    for labels, names in blocks:
        match labels:
            case ["resource", kind, _]:
                assert names <= {*schema[kind]["arguments"], *schema[kind]["blocks"], "depends_on"}, kind
            case ["module", _]:
                [module] = re.findall(r"terraform/modules/([a-z-]+)", fence.text)
                text = "".join(file.read_text(encoding="utf-8") for file in (MODULES / module).glob("*.tf"))
                assert names - {"source"} <= set(re.findall(r'variable "(\w+)"', text)), module


@pytest.mark.parametrize("fence", fences("dockerfile"), ids=str)
def test_a_dockerfile_copies_files_that_exist(fence: Fence) -> None:
    for line in fence.text.splitlines():
        instruction, *words = line.split()
        assert instruction in {"ARG", "FROM", "COPY", "RUN", "CMD"}
        if instruction == "COPY":
            assert words[0].startswith("build/") or (PROJECT / words[0]).exists(), words[0]
    (handler,) = re.findall(r'^CMD \["(\w+)\.handler"\]$', fence.text, re.MULTILINE)
    assert f"COPY examples/{handler}.py" in fence.text


# Queries.

# Keywords, functions, and the unit of time.
QUERY_WORDS = re.compile(r"fields|filter|stats|sort|by|as|and|or|like|desc|asc|count|avg|min|max|latest|pct|bin|d")
FIELDS_OF_OTHER_RECORDS = {
    # Discovered by CloudWatch.
    "@message",
    "@timestamp",
    "type",
    "level",
    "record.metrics.initDurationMs",
    "record.metrics.restoreDurationMs",
    "record.metrics.billedDurationMs",
    "record.status",
    "document",
    "uri",
    "sha256",
    "error",
}


@pytest.mark.parametrize("fence", fences("insights"), ids=str)
def test_a_query_uses_fields_that_are_logged(fence: Fence) -> None:
    text = re.sub(r'"[^"]*"|/[^/]*/', " ", fence.text)
    aliases = set(re.findall(r"\bas (\w+)", text))
    used = set(re.findall(r"@?[A-Za-z_][\w.]*", text))
    names = {word for word in used if not QUERY_WORDS.fullmatch(word)} - FIELDS_OF_OTHER_RECORDS - aliases
    logged = set(first_column("docs/observability.md", "Decision log"))
    assert {re.sub(r"\.[0-9]+$", "", name) for name in names} <= logged
    # Logs Insights has no field for a list, only for its items, such as rules.0.
    fields = log_fields(observation()) | RevocationStatus(RevocationState.GOOD, skipped_issuers=("CN=CA",)).details(NOW)
    lists = {name for name, value in fields.items() if isinstance(value, list)}
    assert {"rules", "crl_skipped_issuers"} <= lists <= logged
    assert names.isdisjoint(lists)


# Diagrams.

LABEL = r'"[^"]*"'
NODE = rf"\w+(?:\(\[{LABEL}\]\)|\[\({LABEL}\)\]|\[{LABEL}\]|\{{{LABEL}\}})?"
DIAGRAM_LINES = {
    "flowchart LR": (FLOWCHART := rf"{NODE}(?: -\.?->(?:\|(?:{LABEL}|\w+)\|)? {NODE})*|subgraph \w+ \[{LABEL}\]|end"),
    "flowchart TD": FLOWCHART,
    "sequenceDiagram": r"participant \w+ as .+|\w+--?>>\w+: .+",
}


@pytest.mark.parametrize("fence", fences("mermaid"), ids=str)
def test_a_diagram_has_lines_that_its_type_permits(fence: Fence) -> None:
    first, *lines = map(str.strip, fence.text.splitlines())
    assert [line for line in lines if not re.fullmatch(DIAGRAM_LINES[first], line)] == []
    if first == "sequenceDiagram":
        participants = set(re.findall(r"^ *participant (\w+) as ", fence.text, re.MULTILINE))
        for sender, receiver in re.findall(r"^ *(\w+?)--?>>(\w+): ", fence.text, re.MULTILINE):
            assert {sender, receiver} <= participants
