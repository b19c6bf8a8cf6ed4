"""The checks that API Gateway makes before it invokes the authorizer, as documented or reported.

Sources: AWS's documentation of truststores, and public reports about rejected clients. Nothing was verified on AWS.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from client_certificate_auth.x509.der import read_elements, read_oid, read_sequence
from client_certificate_auth.x509.validity import to_datetime
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES
from mtls_authorizer.revocation.truststore.signatures import load_public_key, read_signature_algorithm
from mtls_authorizer_cli.explanation.result import CheckResult, Verdict
from mtls_authorizer_cli.explanation.truststore import ca_objections, is_self_issued, printed_name
from mtls_authorizer_cli.printed import utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from client_certificate_auth.x509.certificate import Certificate
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle, TruststoreCertificate

CLIENT_SEES = "HTTP 403; the authorizer is not invoked"
"""As users report for untrusted and expired certificates."""

_HASHES = frozenset({"sha256", "sha384", "sha512"})
_MIN_RSA_BITS = 2048
_ALGORITHMS = {
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384"}


class GatewayCheck(StrEnum):
    """The names of the checks. The order is not documented; weak signatures come first, as they cannot be verified."""

    SIGNATURE = "signature"
    KEY = "key"
    ISSUER = "issuer"
    CHAIN = "chain"
    VALIDITY = "validity"


_REQUIRED = {
    GatewayCheck.ISSUER: "a certificate of the issuer in the truststore, whose key verifies the signature",
    GatewayCheck.CHAIN: f"all CA certificates up to a self-signed one in the truststore, at most {MAX_AUTHORITIES}",
    GatewayCheck.VALIDITY: "a certificate and CA certificates that are valid at {time}",
    GatewayCheck.SIGNATURE: "signatures with SHA-256 or stronger",
    GatewayCheck.KEY: "keys of RSA with 2048 bits or more, or of ECDSA on P-256 or P-384",
}


_EXPIRED = "expired on"
_WAIT = "Wait until the certificate is valid, or correct the clock of its CA and have it issued again"
_RENEW_CA = "Have the CA renew its certificate, replace it in the truststore, and update the domain name"
_FIXES = {
    GatewayCheck.ISSUER: "Add the certificate of its CA to the truststore, with all CAs above, and update the domain "
    "name; or have the certificate issued by a CA that is in it",
    GatewayCheck.CHAIN: "Add the missing CA certificates up to the root to the truststore, and update the domain name",
    GatewayCheck.VALIDITY: "Have the certificate renewed. If it is a CA's, renew that, and update the truststore",
    GatewayCheck.SIGNATURE: "Have the certificate issued again, signed with SHA-256 or stronger",
    GatewayCheck.KEY: "Have a certificate issued for an RSA key of 2048 bits or more, or for one on P-256 or P-384",
}


def fix_of(check: GatewayCheck, found: str | None) -> str:
    """Return what to do if a client's certificate fails a check, by what was found."""
    if check is not GatewayCheck.VALIDITY:
        return _FIXES[check]
    if _EXPIRED not in (found or ""):
        return _WAIT
    return _RENEW_CA if (found or "").startswith("certificate ") else _FIXES[check]


class GatewayExplanation(NamedTuple):
    """The results of all checks, or why they were ``skipped``."""

    checks: tuple[CheckResult, ...] = ()
    skipped: str | None = None
    warnings: Sequence[str] = ()
    log_message: str | None = None
    """What a REST API's execution log is reported to say about a rejection."""

    @property
    def rejection(self) -> CheckResult | None:
        """The first check that failed."""
        return next((check for check in self.checks if check.verdict is Verdict.FAILED), None)


def explain_gateway(
    read: PeerCertificate | str, truststore: TruststoreBundle | None, now: datetime
) -> GatewayExplanation:
    """Explain whether API Gateway would reject a certificate at an aware time. Without a truststore, it is not known.

    ``read`` is the certificate, or the reason why there is none.
    """
    if truststore is None:
        return GatewayExplanation(skipped="there is no truststore (use --truststore or TRUSTSTORE_URI)")
    warnings = truststore.warnings
    if isinstance(read, str):
        return GatewayExplanation(skipped="there is no certificate that can be read", warnings=warnings)
    found = gateway_findings(read.fields, truststore, now)
    checks = tuple(_result(name, found.get(name), now) for name in GatewayCheck)
    warnings = [*warnings, *(warning for finding in found.values() for warning in finding.warnings)]
    explanation = GatewayExplanation(checks, warnings=warnings)
    rejection = explanation.rejection
    return explanation._replace(log_message=rejection and log_message(rejection.name, read.fields))


class GatewayFinding(NamedTuple):
    """Whether a certificate, or one of a path, passes a check, and in words what was found."""

    passed: bool
    text: str
    warnings: Sequence[str] = ()


def _result(name: GatewayCheck, finding: GatewayFinding | None, now: datetime) -> CheckResult:
    required = _REQUIRED[name].format(time=utc_timestamp(now))
    if finding is None:
        return CheckResult(name, Verdict.NOT_REACHED, None, required, None, "issuer failed")
    return CheckResult(name, Verdict.PASSED if finding.passed else Verdict.FAILED, None, required, finding.text)


def gateway_findings(
    certificate: Certificate, truststore: TruststoreBundle, now: datetime
) -> dict[GatewayCheck, GatewayFinding]:
    """Return what each check finds; nothing for the chain if the issuer is missing."""
    issuer = _issuer(certificate, truststore)
    if not issuer.passed:
        return {GatewayCheck.ISSUER: issuer, **_properties(certificate, (), now)}
    complete, longest = truststore.chains(certificate)
    if not complete:
        return {
            GatewayCheck.ISSUER: issuer,
            GatewayCheck.CHAIN: GatewayFinding(passed=False, text=describe_incomplete(longest)),
            **_properties(certificate, (), now),
        }
    # One path that passes is enough.
    results = [(path, _properties(certificate, path, now), _warnings(certificate, path)) for path in complete]
    path, properties, warnings = min(
        results, key=lambda each: (sum(not finding.passed for finding in each[1].values()), len(each[2]))
    )
    chain = GatewayFinding(passed=True, text=f"{len(path)}, up to {path[-1]}", warnings=warnings)
    return {GatewayCheck.ISSUER: issuer, GatewayCheck.CHAIN: chain, **properties}


def _issuer(certificate: Certificate, truststore: TruststoreBundle) -> GatewayFinding:
    named = truststore.named(certificate.issuer)
    if not named:
        return GatewayFinding(passed=False, text=f"no certificate with the subject {printed_name(certificate.issuer)}")
    issuers = truststore.issuers(certificate)
    if issuers:
        return GatewayFinding(passed=True, text=str(issuers[0]))
    others = f" and {len(named) - 1} more" if len(named) > 1 else ""
    verified = any(load_public_key(each.certificate.public_key) for each in named)
    problem = "the signature was made with another key, or it is not a CA's" if verified else "its key is not supported"
    return GatewayFinding(passed=False, text=f"{named[0]}{others}, but {problem}")


def describe_incomplete(path: Sequence[TruststoreCertificate]) -> str:
    """Return in words why a path does not lead to a self-issued certificate, or is too long."""
    if len(path) > MAX_AUTHORITIES:
        return f"more than {MAX_AUTHORITIES}"
    last = path[-1]
    return f"{len(path)}, up to {last}; its issuer {printed_name(last.certificate.issuer)} is missing"


def _warnings(certificate: Certificate, path: Sequence[TruststoreCertificate]) -> list[str]:
    # A client's own certificate in the truststore need not be a CA's.
    return list(ca_objections(each for each in path if each.certificate.der != certificate.der))


def _properties(
    certificate: Certificate, path: Sequence[TruststoreCertificate], now: datetime
) -> dict[GatewayCheck, GatewayFinding]:
    """Return the findings about the certificate itself, and about the CA certificates of a path."""
    findings = {}
    for check, examine in (
        (GatewayCheck.VALIDITY, partial(validity_finding, now=now)),
        (GatewayCheck.SIGNATURE, signature_finding),
        (GatewayCheck.KEY, key_finding),
    ):
        own = examine(certificate)
        problems = [] if own.passed else [own.text]
        for authority in path:
            finding = examine(authority.certificate)
            if not finding.passed:
                problems.append(f"{authority}: {finding.text}")
        findings[check] = GatewayFinding(passed=False, text="; ".join(problems)) if problems else own
    return findings


def validity_finding(certificate: Certificate, now: datetime) -> GatewayFinding:
    """Return whether a certificate is valid at an aware time."""
    start, end = to_datetime(certificate.not_before), to_datetime(certificate.not_after)
    if now < start:
        return GatewayFinding(passed=False, text=f"not valid before {utc_timestamp(start)}")
    if now > end:
        return GatewayFinding(passed=False, text=f"{_EXPIRED} {utc_timestamp(end)}")
    return GatewayFinding(passed=True, text=f"{utc_timestamp(start)} to {utc_timestamp(end)}")


def signature_finding(certificate: Certificate) -> GatewayFinding:
    """Return whether the hash of a certificate's signature is strong enough."""
    algorithm = read_signature_algorithm(certificate.signature_algorithm)
    if algorithm is None:
        name = _algorithm_name(read_sequence(certificate.signature_algorithm)[1][0])
        return GatewayFinding(passed=False, text=f"an unsupported algorithm ({name})")
    used = algorithm.hash_algorithm
    if used is None:
        # Ed25519 and Ed448, whose keys are not supported.
        return GatewayFinding(passed=True, text="a signature without a separate hash")
    return GatewayFinding(used.name in _HASHES, used.name.upper().replace("SHA", "SHA-", 1))


def key_finding(certificate: Certificate) -> GatewayFinding:
    """Return whether a certificate's key is of a supported kind and size."""
    key = load_public_key(certificate.public_key)
    if isinstance(key, rsa.RSAPublicKey):
        return GatewayFinding(key.key_size >= _MIN_RSA_BITS, f"RSA with {key.key_size} bits")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return GatewayFinding(key.curve.name in _CURVES, f"ECDSA on {_CURVES.get(key.curve.name, key.curve.name)}")
    _, (algorithm, _) = read_sequence(certificate.public_key)
    other = f"a key of another kind ({_algorithm_name(read_elements(algorithm)[1][0])})"
    return GatewayFinding(passed=False, text=other if key else f"{other}, or one that cannot be read")


def _algorithm_name(oid: bytes) -> str:
    """Return the name of an algorithm or, if it has no usual one, its dotted OID."""
    dotted = read_oid(oid)
    return _ALGORITHMS.get(dotted, dotted)


def log_message(rejected_by: str, certificate: Certificate) -> str | None:
    """Return what a REST API's execution logs are reported to say about a certificate that a check rejects."""
    if rejected_by == GatewayCheck.SIGNATURE:
        return "Client cert using an insecure Signature Algorithm"
    if rejected_by in {GatewayCheck.ISSUER, GatewayCheck.CHAIN}:
        return "self signed certificate" if is_self_issued(certificate) else "Could not find issuer for certificate"
    return None
