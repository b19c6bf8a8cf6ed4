from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.extended_key_usage import (
    CLIENT_AUTH_IF_RESTRICTED,
    NO_REQUIRED_USAGES,
    read_required_usages,
    usage_name,
)
from tests.decisions import decision_on
from tests.pki import der
from tests.pki.certificates import EXTENDED_KEY_USAGE, certificate_der, extension, pem
from tests.rules_documents import matching

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SERVER, CLIENT, CODE, ANY = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3", "2.5.29.37.0"


def certificate(*usages: str) -> PeerCertificate:
    extensions = [extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, usages)))] if usages else []
    return PeerCertificate.from_pem(pem(certificate_der(extensions=extensions)))


NO_EXTENSION = certificate()
NO_USAGES = PeerCertificate.from_pem(pem(certificate_der(extensions=[extension(EXTENDED_KEY_USAGE, der.sequence())])))
UNDECODABLE = PeerCertificate.from_pem(pem(certificate_der(extensions=[extension(EXTENDED_KEY_USAGE, b"garbage")])))


@pytest.mark.parametrize(
    ("required", "allowed", "denied"),
    [
        (
            None,
            [NO_EXTENSION, certificate(CLIENT), certificate(SERVER, CLIENT), certificate(CLIENT, "1.2.3.4")],
            [certificate(SERVER), certificate(ANY), certificate(CODE, SERVER), certificate("1.3.6.1.5.5.7.3.20")],
        ),
        (
            "clientAuth",
            [certificate(CLIENT), certificate(SERVER, CLIENT)],
            [NO_EXTENSION, certificate(SERVER), certificate(ANY)],
        ),
        (
            " clientAuth , 1.2.3.4 ",
            [certificate("1.2.3.4", CLIENT), certificate(CLIENT, SERVER, "1.2.3.4")],
            [
                NO_EXTENSION,
                certificate(CLIENT),
                certificate("1.2.3.4"),
                certificate(ANY),
                certificate("1.2.3.40", CLIENT),
            ],
        ),
        ("anyExtendedKeyUsage", [certificate(ANY), certificate(ANY, SERVER)], [NO_EXTENSION, certificate(CLIENT)]),
        ("none", [NO_EXTENSION, certificate(SERVER), certificate(ANY), certificate(CLIENT)], []),
    ],
)
def test_a_certificate_is_allowed_with_the_usages_that_are_required(
    required: str | None, allowed: list[PeerCertificate], denied: list[PeerCertificate]
) -> None:
    environment = {
        "ALLOW_ANY_CLIENT_CERTIFICATE": "true",
        "AUTHORIZER_SHADOW_RULES": matching("common_name", "client").decode(),
    }
    settings = load_settings(environment | ({"REQUIRED_EXTENDED_KEY_USAGE": required} if required else {}))
    for each in allowed:
        decision = decision_on(each, settings, NOW)
        assert decision.reason is decision.shadow_reason is None
    for each in denied:
        decision = decision_on(each, settings, NOW)
        assert decision.reason is decision.shadow_reason is DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
    # What can't be decoded excludes nobody knows whom, whatever is required.
    assert decision_on(UNDECODABLE, settings, NOW).reason is DenyReason.EXTENSIONS_MALFORMED
    assert decision_on(NO_USAGES, settings, NOW).reason is DenyReason.EXTENSIONS_MALFORMED


@pytest.mark.parametrize(
    "value",
    [
        *("", ",", "clientAuth,", "clientauth", "ClientAuth", "client"),
        *("TLS Web Client Authentication", "*", "any", "false"),
        *("none,clientAuth", "clientAuth,none", "None", "1.3.6.1.5.5.7.3.2."),
        *("1", "3.1.2", "1.02", "clientAuth;serverAuth"),
        *('["clientAuth"]', "clientAuth serverAuth", "cl\u0456entAuth", "x" * 5000),
    ],
)
def test_another_usage_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match=r"REQUIRED_EXTENDED_KEY_USAGE is .*: write some of serverAuth") as rejected:
        load_settings({"REQUIRED_EXTENDED_KEY_USAGE": value})
    assert len(str(rejected.value)) < 400


def test_usages_are_read_by_name_or_oid() -> None:
    assert read_required_usages(["none"]) == NO_REQUIRED_USAGES
    assert read_required_usages(["clientAuth"]) == read_required_usages([CLIENT, "clientAuth"])
    assert read_required_usages(["clientAuth"]).usages == CLIENT_AUTH_IF_RESTRICTED.usages
    names = ["serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning"]
    assert len(read_required_usages(names).usages) == len(names)
    with pytest.raises(ValueError, match=re.escape("is 'nobody': write some of")):
        read_required_usages(["clientAuth", "nobody"])


def test_each_name_is_that_of_its_oid() -> None:
    # RFC 5280 §4.2.1.12
    kp = "1.3.6.1.5.5.7.3"
    for name, oid in {
        "serverAuth": f"{kp}.1",
        "clientAuth": f"{kp}.2",
        "codeSigning": f"{kp}.3",
        "emailProtection": f"{kp}.4",
        "timeStamping": f"{kp}.8",
        "OCSPSigning": f"{kp}.9",
        "anyExtendedKeyUsage": "2.5.29.37.0",
    }.items():
        assert read_required_usages([name]) == read_required_usages([oid])


def test_the_error_shows_80_characters_and_every_name() -> None:
    with pytest.raises(ValueError, match=r"^is '") as error:
        read_required_usages(["x" * 81])
    assert str(error.value) == (
        f"is '{'x' * 80}': write some of serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, "
        "OCSPSigning, anyExtendedKeyUsage, dotted OIDs, or none"
    )


def test_a_usage_without_a_name_is_shown_by_its_oid() -> None:
    assert usage_name("1.3.6.1.5.5.7.3.2") == "clientAuth"
    assert usage_name("1.2.3") == "1.2.3"
