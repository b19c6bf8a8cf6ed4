"""The checks that API Gateway makes before it calls the authorizer, as far as they are documented or reported.

Sources: AWS's documentation of truststores, and public reports about rejected clients. Nothing was verified on AWS.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from client_certificate_auth.certificate_parser import parse_certificate
from mtls_authorizer.request.context import utc_timestamp
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES
from mtls_authorizer.revocation.names import canonical_name
from mtls_authorizer.revocation.signatures import is_signed_by, load_public_key
from mtls_authorizer_cli.explain.result import CheckResult, Verdict
from mtls_authorizer_cli.explain.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from client_certificate_auth.certificate_parser import Certificate
    from mtls_authorizer_cli.explain.question import Question
    from mtls_authorizer_cli.explain.truststore import TruststoreBundle

CLIENT_SEES = "HTTP 403, without a call of the authorizer"
"""As users report for untrusted and expired certificates."""

_HASHES = frozenset({"sha256", "sha384", "sha512"})
_MIN_RSA_BITS = 2048
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_MAX_PATHS = 100
"""A truststore can contain many certificates for one name and key, which makes very many paths."""


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


class _Authority(NamedTuple):
    position: int
    certificate: x509.Certificate

    def __str__(self) -> str:
        return f"certificate {self.position} of the truststore ({_name(self.certificate.subject)})"


def explain_gateway(question: Question, read: PeerCertificate | str) -> GatewayExplanation:
    """Explain whether API Gateway would reject a certificate."""
    if question.truststore is None:
        return GatewayExplanation(skipped="there is no truststore (use --truststore or TRUSTSTORE_URI)")
    warnings = question.truststore.warnings
    if isinstance(read, str):  # the reason why there is none
        return GatewayExplanation(skipped="there is no certificate that can be read", warnings=warnings)
    try:
        found = _findings(read.x509, question.truststore, question.now)
    except Exception as error:  # noqa: BLE001 -- cryptography decodes lazily, and raises ValueError and more
        return GatewayExplanation(skipped=f"the certificate cannot be decoded: {error}", warnings=warnings)
    checks = tuple(_result(name, found.get(name), question.now) for name in GatewayCheck)
    explanation = GatewayExplanation(checks, warnings=warnings)
    return explanation._replace(log_message=_log_message(explanation.rejection, read))


class _Finding(NamedTuple):
    passed: bool
    text: str


def _result(name: GatewayCheck, finding: _Finding | None, now: datetime) -> CheckResult:
    required = _REQUIRED[name].format(time=utc_timestamp(now))
    if finding is None:
        return CheckResult(name, Verdict.NOT_REACHED, None, required, None, "issuer failed")
    return CheckResult(name, Verdict.PASSED if finding.passed else Verdict.FAILED, None, required, finding.text)


def _findings(
    certificate: x509.Certificate, truststore: TruststoreBundle, now: datetime
) -> dict[GatewayCheck, _Finding]:
    authorities = _Authorities(truststore)
    issuer = authorities.find_issuer(certificate)
    if not issuer.passed:
        return {GatewayCheck.ISSUER: issuer, **_properties(certificate, (), now)}
    paths = list(islice(authorities.paths(certificate), _MAX_PATHS))
    complete = [path for path in paths if len(path) <= MAX_AUTHORITIES and _is_self_issued(path[-1].certificate)]
    if not complete:
        return {
            GatewayCheck.ISSUER: issuer,
            GatewayCheck.CHAIN: _Finding(passed=False, text=_incomplete(max(paths, key=len))),
            **_properties(certificate, (), now),
        }
    # One path that passes is enough.
    results = [(path, _properties(certificate, path, now)) for path in complete]
    path, properties = min(results, key=lambda each: sum(not finding.passed for finding in each[1].values()))
    chain = _Finding(passed=True, text=f"{len(path)}, up to {path[-1]}")
    return {GatewayCheck.ISSUER: issuer, GatewayCheck.CHAIN: chain, **properties}


class _Authorities:
    """The certificates of a truststore, by subject."""

    def __init__(self, truststore: TruststoreBundle) -> None:
        self._by_subject: dict[object, list[_Authority]] = {}
        for position, certificate in truststore.certificates:
            authority = _Authority(position, certificate)
            self._by_subject.setdefault(canonical_name(certificate.subject.public_bytes()), []).append(authority)

    def find_issuer(self, certificate: x509.Certificate) -> _Finding:
        """Find the issuer of a certificate."""
        name = _name(certificate.issuer)
        named = self._by_subject.get(canonical_name(certificate.issuer.public_bytes()), [])
        if not named:
            return _Finding(passed=False, text=f"no certificate with the subject {name}")
        signers = [authority for authority in named if _has_signed(authority.certificate, certificate)]
        if signers:
            return _Finding(passed=True, text=str(signers[0]))
        others = f" and {len(named) - 1} more" if len(named) > 1 else ""
        return _Finding(
            passed=False, text=f"{named[0]}{others}, but the signature was made with another key, or it is not a CA's"
        )

    def paths(
        self, certificate: x509.Certificate, path: tuple[_Authority, ...] = ()
    ) -> Iterator[tuple[_Authority, ...]]:
        """Return the paths from a certificate as far as they lead."""
        issuers = [
            authority
            for authority in self._by_subject.get(canonical_name(certificate.issuer.public_bytes()), [])
            if _has_signed(authority.certificate, certificate)
        ]
        if path and (not issuers or _is_self_issued(certificate) or len(path) > MAX_AUTHORITIES):
            yield path
            return
        for authority in issuers:
            yield from self.paths(authority.certificate, (*path, authority))


def _incomplete(path: Sequence[_Authority]) -> str:
    if len(path) > MAX_AUTHORITIES:
        return f"more than {MAX_AUTHORITIES}"
    last = path[-1]
    return f"{len(path)}, up to {last}; its issuer {_name(last.certificate.issuer)} is missing"


def _properties(
    certificate: x509.Certificate, path: Sequence[_Authority], now: datetime
) -> dict[GatewayCheck, _Finding]:
    """Return the findings about the certificate itself, and about the CA certificates of a path."""
    findings = {}
    for check, examine in (
        (GatewayCheck.VALIDITY, partial(_validity, now=now)),
        (GatewayCheck.SIGNATURE, _signature),
        (GatewayCheck.KEY, _key),
    ):
        own = examine(certificate)
        problems = [] if own.passed else [own.text]
        for authority in path:
            finding = examine(authority.certificate)
            if not finding.passed:
                problems.append(f"{authority}: {finding.text}")
        findings[check] = _Finding(passed=False, text="; ".join(problems)) if problems else own
    return findings


def _validity(certificate: x509.Certificate, now: datetime) -> _Finding:
    start, end = utc_timestamp(certificate.not_valid_before_utc), utc_timestamp(certificate.not_valid_after_utc)
    if now < certificate.not_valid_before_utc:
        return _Finding(passed=False, text=f"not valid before {start}")
    if now > certificate.not_valid_after_utc:
        return _Finding(passed=False, text=f"expired on {end}")
    return _Finding(passed=True, text=f"{start} to {end}")


def _signature(certificate: x509.Certificate) -> _Finding:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        # Ed25519 and Ed448, whose keys are not supported.
        return _Finding(passed=True, text="a signature without a separate hash")
    return _Finding(algorithm.name in _HASHES, algorithm.name.upper().replace("SHA", "SHA-", 1))


def _key(certificate: x509.Certificate) -> _Finding:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return _Finding(key.key_size >= _MIN_RSA_BITS, f"RSA with {key.key_size} bits")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _Finding(key.curve.name in _CURVES, f"ECDSA on {_CURVES.get(key.curve.name, key.curve.name)}")
    return _Finding(passed=False, text="a key of another kind")


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        key = load_public_key(_fields(issuer).public_key)
        signed = _fields(certificate)
        return (
            _may_be_ca(issuer)
            and key is not None
            and is_signed_by(key, signed.signature_algorithm, signed.signature, signed.tbs_certificate)
        )
    except Exception:  # noqa: BLE001 -- keys of unknown kinds, and extensions that cannot be decoded
        return False


def _fields(certificate: x509.Certificate) -> Certificate:
    return parse_certificate(certificate.public_bytes(Encoding.DER))


def _may_be_ca(certificate: x509.Certificate) -> bool:
    """Return False only if the certificate says that it is not a CA's, and is not its own issuer either."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca or _is_self_issued(
            certificate
        )
    except x509.ExtensionNotFound:
        return True


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return canonical_name(certificate.subject.public_bytes()) == canonical_name(certificate.issuer.public_bytes())


def _name(name: x509.Name) -> str:
    return quoted(name.rfc4514_string())


def _log_message(rejection: CheckResult | None, certificate: PeerCertificate) -> str | None:
    """Return what execution logs are reported to contain."""
    if rejection is None:
        return None
    if rejection.name == GatewayCheck.SIGNATURE:
        return "Client cert using an insecure Signature Algorithm"
    if rejection.name in {GatewayCheck.ISSUER, GatewayCheck.CHAIN}:
        self_signed = _is_self_issued(certificate.x509)
        return "self signed certificate" if self_signed else "Could not find issuer for certificate"
    return None
