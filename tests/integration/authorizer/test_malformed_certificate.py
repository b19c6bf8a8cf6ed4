"""The record of a certificate that could not be parsed, as Lambda's own runtime client writes it."""

from __future__ import annotations

import hashlib

from mtls_authorizer.telemetry.malformed_certificate import LONGEST_UNVERIFIED
from tests.aws.api_events import http_2_0_event
from tests.aws.lambda_runtime import lambda_function
from tests.observations import HOSTILE, LISTED

FIELDS = {
    "subjectDN": "unverified_subject_dn",
    "issuerDN": "unverified_issuer_dn",
    "serialNumber": "unverified_serial_number",
}


def test_hostile_values_are_one_line_of_json() -> None:
    event = http_2_0_event(HOSTILE)
    event["requestContext"]["authentication"]["clientCert"] |= dict.fromkeys(FIELDS, HOSTILE)
    with lambda_function("mtls_authorizer.handler.handler", LISTED) as function:
        function.invoke(event)
    (record,) = (record for record in function.records() if "decision" in record)
    assert record["decision"] == "deny"
    assert record["certificate_sha256"] == hashlib.sha256(HOSTILE.encode()).hexdigest()
    for field in FIELDS.values():
        assert record[field].startswith('x\\n{"decision": "allow"}')
        assert len(record[field]) == LONGEST_UNVERIFIED
