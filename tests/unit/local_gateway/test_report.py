from __future__ import annotations

import shlex
from pathlib import Path

from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.functions import CountedFunction
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.deployment import Endpoint, sample_api
from local_gateway.pki.certificates import Pki
from local_gateway.report import Result, curl_commands, summary, table
from local_gateway.scenarios import LISTED_CN, Outcome, Scenario

REFUSED = Outcome(None, authorizer_invoked=False)
ALLOWED = Outcome(200, context={"clientCertCN": "authorized-client"})
SCENARIO = Scenario(
    "no certificate", None, Outcome(403, "missing"), {ApiKind.REST: Outcome(401, "missing")}, mutual_tls=False
)
RESULTS = [
    Result(SCENARIO, {ApiKind.REST: Outcome(401, "missing"), ApiKind.HTTP_IAM: ALLOWED}),
    Result(Scenario("expired", LISTED_CN, REFUSED), {ApiKind.REST: REFUSED, ApiKind.HTTP_IAM: REFUSED}),
]


def test_the_table_is_aligned_and_marks_what_differs() -> None:
    assert table(RESULTS).splitlines() == [
        "scenario        expected               REST API               HTTP API, IAM          reason logged",
        "--------------  ---------------------  ---------------------  ---------------------  -------------",
        "no certificate  401 / 403              401                    200 + context (!)      missing",
        "expired         rejected, not invoked  rejected, not invoked  rejected, not invoked",
    ]


def test_the_summary_has_the_number_of_differences_and_lists_them_in_full() -> None:
    assert summary(RESULTS).splitlines() == [
        "3 of 4 as expected.",
        "no certificate, HTTP API, IAM:",
        f"  expected {Outcome(403, 'missing')}",
        f"  actual   {ALLOWED}",
    ]


def test_any_part_of_an_outcome_makes_a_difference() -> None:
    for other in (Outcome(403), Outcome(200), Outcome(200, "reason", context=ALLOWED.context), REFUSED):
        result = Result(Scenario("listed", LISTED_CN, ALLOWED), {ApiKind.REST: other})
        assert result.differences == [ApiKind.REST]


def test_commands_are_what_a_shell_takes_even_where_folders_have_spaces() -> None:
    authorizer = CountedFunction(lambda _event, _context: None)
    endpoint = Endpoint(ApiKind.REST, Gateway(sample_api(ApiKind.REST, authorizer)), 8443, 8444, authorizer)
    pki = Pki(Path("my folder"))

    comment, command = curl_commands([Scenario("listed", LISTED_CN, ALLOWED)], endpoint, pki, as_sample=True)
    without_certificate = list(curl_commands([SCENARIO], endpoint, pki, as_sample=True))[1]

    assert comment == "# listed: 200 + context"
    assert shlex.split(command) == [
        *("curl", "--include", "--noproxy", "*", "--cacert", "my folder/server-ca.pem"),
        *("--cert", "my folder/listed-cn.pem", "https://127.0.0.1:8443/hello"),
    ]
    escaping = list(
        curl_commands([Scenario("escaping", LISTED_CN, ALLOWED, path="/hello/../x")], endpoint, pki, as_sample=True)
    )[1]
    assert escaping.startswith("curl --include --path-as-is ")
    assert escaping.endswith("https://127.0.0.1:8443/hello/../x")
    assert "--cert " not in without_certificate
    assert without_certificate.endswith("https://127.0.0.1:8444/hello")
