"""Numbers in the text are those of the code, and settings accept the ranges on their page, and nothing beyond."""

from __future__ import annotations

import re

import pytest

from client_certificate_auth.certificate_headers import _LONGEST_VALUE
from mtls_authorizer.policy.allowlist_warnings import MOST_LOGGED
from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.request.context import LONGEST_HEADER
from mtls_authorizer.revocation.crl.fields import LARGEST_FIELDS
from mtls_authorizer.revocation.crl.size_limit import max_crl_bytes
from mtls_authorizer.revocation.fetch.download import Limits
from mtls_authorizer.rules.certificate_values import LONGEST_VALUE
from mtls_authorizer.rules.document.validation import LARGEST_CONTEXT
from mtls_authorizer.stores.appconfig import MIN_POLL_SECONDS
from mtls_authorizer.telemetry.decision_log import LONGEST_LOGGED, MOST_VALUES
from mtls_authorizer.telemetry.malformed_certificate import LONGEST_UNVERIFIED
from mtls_authorizer.telemetry.serial_numbers import MAX_ISSUERS, MAX_REMEMBERED
from tests.integration.template.stacks import AUTHORIZER
from tests.unit.documentation.markdown import pages, tables

MEMORY = AUTHORIZER.source["Resources"]["Authorizer"]["Properties"]["MemorySize"]
LIMITS = Limits()
CRL_MIB = max_crl_bytes(str(MEMORY)) // 2**20


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("configuration", f"queried at most every {MIN_POLL_SECONDS} seconds"),
        ("context", f"if it has more than {LONGEST_HEADER:,} characters"),
        ("context", f"have at most {LONGEST_VALUE} characters"),
        ("layer/alb-cloudfront", f"of at most {_LONGEST_VALUE:,} characters"),
        ("observability", f"OID, at most {MOST_VALUES};"),
        ("observability", f"the first {MOST_VALUES} of many"),
        ("observability", f"At most {LONGEST_UNVERIFIED} characters; non-printable"),
        ("observability", f"more than {LONGEST_LOGGED:,} characters are truncated"),
        ("observability", f"each of the last {MAX_REMEMBERED:,} serial numbers"),
        ("observability", f"more than {MOST_LOGGED} of these warnings"),
        ("crl-checks", f"with the template's {MEMORY} MB, that is {CRL_MIB} MiB"),
        ("crl-checks", f"except its entries has at most {LARGEST_FIELDS // 2**10} KiB"),
        ("revocation", f"{LIMITS.total_seconds} seconds for a download in total, and {LIMITS.connect_seconds} to"),
        ("rules-limits-and-values", f"up to {LONGEST_VALUE} characters of printable ASCII"),
        ("rules-limits-and-values", f"of 1 to {LONGEST_VALUE} characters of printable ASCII"),
        ("rules-limits-and-values", f"counts as {LONGEST_VALUE} characters of the {LARGEST_CONTEXT:,}"),
        ("security-model", f"up to {MAX_REMEMBERED:,} serial numbers of up to {MAX_ISSUERS} issuers"),
        ("upgrading", f"memory, {CRL_MIB} MiB in the template"),
    ],
)
def test_a_number_in_the_text_is_that_of_the_code(page: str, text: str) -> None:
    assert text in re.sub(r"\s+", " ", pages()[f"docs/{page}.md"])


def accepts(variable: str, value: int) -> bool:
    stored = {"AUTHORIZER_RULES_URI": "s3://rules/a.json", "CRL_URIS": "s3://lists/a.crl"}
    others = {**stored, "TRUSTSTORE_URI": "s3://lists/truststore.pem"}
    try:
        load_settings({**others, variable: str(value)})
    except SettingsError:
        return False
    return True


def test_a_variable_accepts_the_range_on_its_page() -> None:
    (rows,) = tables("docs/configuration.md", "Variables")
    ranges = {row[0].strip("`"): found for row in rows for found in re.findall(r": (\d+) to (\d+)$", row[1])}
    assert len(ranges) == 4
    for variable, (least, most) in ranges.items():
        bounds = [int(least) - 1, int(least), int(most), int(most) + 1]
        assert [accepts(variable, bound) for bound in bounds] == [False, True, True, False], variable


def test_as_many_parameters_can_be_joined_as_the_page_says() -> None:
    (most,) = map(int, re.findall(r"joins up to (\d+) parameters", pages()["docs/configuration.md"]))
    for number in (most, most + 1):
        uri = "ssm://" + ",".join(f"/rules/{each}" for each in range(number))
        if number == most:
            assert load_settings({"AUTHORIZER_RULES_URI": uri})
        else:
            with pytest.raises(SettingsError):
                load_settings({"AUTHORIZER_RULES_URI": uri})
