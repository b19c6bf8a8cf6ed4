"""The truststore of a custom domain, compared with API Gateway's documented limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth.x509.validity import to_datetime
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES
from mtls_authorizer_cli.certificates.content import Kind, recognize
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Finding
from mtls_authorizer_cli.explanation.gateway import (
    CLIENT_SEES,
    describe_incomplete,
    key_finding,
    signature_finding,
    validity_finding,
)
from mtls_authorizer_cli.explanation.truststore import (
    ca_objections,
    is_self_issued,
    may_be_ca,
    printed_name,
    read_bundle,
)
from mtls_authorizer_cli.printed import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_certificate_auth.x509.certificate import Certificate
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle, TruststoreCertificate

CHECKS = (
    Check.TRUSTSTORE_FILE,
    Check.TRUSTSTORE_CONTENT,
    Check.DUPLICATE_CERTIFICATE,
    Check.CA_VERSION,
    Check.CA_SIGNATURE,
    Check.CA_KEY,
    Check.CA_VALIDITY,
    Check.CA_EXPIRES_SOON,
    Check.CA_CHAIN,
    Check.NOT_A_CA,
)

EXPIRY_WARNING = timedelta(days=30)

_VERSION_3 = 3
_WARNED = "API Gateway ignores a certificate that it cannot use, with a warning that is easily overlooked."
_CLIENTS_REJECTED = f"Clients below this CA are rejected: they see {CLIENT_SEES}."
_PROBABLY_REJECTED = f"Clients below this CA are probably rejected: they would see {CLIENT_SEES}."
REISSUE = "Have the CA issue its certificate again, and replace it in the truststore"


class Examined(NamedTuple):
    """A truststore with the findings about it."""

    bundle: TruststoreBundle
    diagnosis: Diagnosis


def examine_truststore(name: str, content: bytes, now: datetime) -> Examined:
    """Check a truststore at a time. ``name`` is its file or URI.

    Raises ValueError if it contains no certificate that can be read.
    """
    bundle = read_bundle(content)
    findings = [*_file(name, content, bundle), *_duplicates(name, bundle)]
    for each in bundle.certificates:
        findings += _certificate(each, bundle, now)
    return Examined(bundle, Diagnosis(CHECKS, tuple(findings), notes=tuple(_namesakes(bundle))))


def _file(name: str, content: bytes, bundle: TruststoreBundle) -> Iterator[Finding]:
    for warning in bundle.warnings:
        yield Finding(
            Check.TRUSTSTORE_FILE, name, warning, _WARNED, "Correct the file, and update the domain name to it"
        )
    # A block without its END line is one of the warnings.
    others = sorted({str(kind) for kind in recognize(content).kinds} - {Kind.CERTIFICATE, Kind.INCOMPLETE_PEM})
    if others:
        yield Finding(
            Check.TRUSTSTORE_CONTENT,
            name,
            f"besides certificates, the truststore contains: {', '.join(others)}",
            "Everyone who may read the truststore's object can read it, and API Gateway expects certificates only.",
            "Remove it from the file; if it is a private key, replace the key",
        )


def _duplicates(name: str, bundle: TruststoreBundle) -> Iterator[Finding]:
    first: dict[bytes, TruststoreCertificate] = {}
    for each in bundle.certificates:
        earlier = first.setdefault(each.certificate.der, each)
        if earlier is not each:
            yield Finding(
                Check.DUPLICATE_CERTIFICATE,
                name,
                f"{each} is the same as certificate {earlier.position}",
                "API Gateway is reported to reject a truststore with the same subject twice when it is imported.",
                "Remove one of the two",
            )


def _namesakes(bundle: TruststoreBundle) -> Iterator[str]:
    """Yield what is said of CAs with the same name: it has a use, and AWS does not document it."""
    for group in namesakes(bundle):
        subject = printed_name(group[0].certificate.subject)
        yield (
            f"{len(group)} different certificates of the truststore have the subject {subject}. A public report says "
            "that API Gateway rejects this when the truststore is imported; AWS does not document it. To tell CAs with "
            "the same name apart in rules, use issuer_key"
        )


def namesakes(bundle: TruststoreBundle) -> Iterator[list[TruststoreCertificate]]:
    """Yield the certificates that have one name and differ, for each such name."""
    seen: set[int] = set()
    for each in bundle.certificates:
        if each.position not in seen:
            group = bundle.named(each.certificate.subject)
            seen.update(other.position for other in group)
            different = list({other.certificate.der: other for other in group}.values())
            if len(different) > 1:
                yield different


def _certificate(each: TruststoreCertificate, bundle: TruststoreBundle, now: datetime) -> Iterator[Finding]:
    subject, certificate = str(each), each.certificate
    if certificate.version != _VERSION_3:
        problem = "it is not an X.509 certificate of version 3"
        yield Finding(Check.CA_VERSION, subject, problem, _CLIENTS_REJECTED, REISSUE)
    signature = signature_finding(certificate)
    if not signature.passed:
        problem = f"it is signed with {signature.text}, and API Gateway requires SHA-256 or stronger"
        yield Finding(Check.CA_SIGNATURE, subject, problem, _CLIENTS_REJECTED, REISSUE)
    key = key_finding(certificate)
    if not key.passed:
        problem = f"it has {key.text}, and API Gateway requires RSA with 2048 bits or more, or P-256 or P-384"
        yield Finding(Check.CA_KEY, subject, problem, _CLIENTS_REJECTED, "Create a CA with another key")
    yield from _expiry(each, bundle, now)
    if not may_be_ca(certificate) and not is_self_issued(certificate):
        yield Finding(
            Check.NOT_A_CA,
            subject,
            "it is not a CA's certificate",
            "No client can chain to it. A client's own certificate in the truststore is trusted only if it is "
            "self-signed.",
            "Remove it from the truststore, and add its CA's certificate if it is missing",
        )
    else:
        yield from _chain(each, bundle)


def _expiry(each: TruststoreCertificate, bundle: TruststoreBundle, now: datetime) -> Iterator[Finding]:
    certificate = each.certificate
    if any(_replaces(other.certificate, certificate, now) for other in bundle.named(certificate.subject)):
        return
    validity, left = validity_finding(certificate, now), to_datetime(certificate.not_after) - now
    if not validity.passed:
        yield Finding(Check.CA_VALIDITY, str(each), validity.text, _CLIENTS_REJECTED, REISSUE)
    elif left < EXPIRY_WARNING:
        yield Finding(
            Check.CA_EXPIRES_SOON,
            str(each),
            expires_in(left),
            f"From then on, clients below this CA are rejected: they see {CLIENT_SEES}. AWS sends no notification.",
            f"{REISSUE} before",
        )


def expires_in(left: timedelta) -> str:
    """Return when a certificate expires that is valid for the time ``left``."""
    return f"it expires in {counted(left.days, 'day') if left.days else 'less than a day'}"


def _replaces(other: Certificate, certificate: Certificate, now: datetime) -> bool:
    """Return whether another certificate of the same CA and key is valid, and longer."""
    return (
        to_datetime(other.not_before) <= now < to_datetime(other.not_after)
        and other.not_after > certificate.not_after
        and other.public_key == certificate.public_key
    )


def _chain(each: TruststoreCertificate, bundle: TruststoreBundle) -> Iterator[Finding]:
    if is_self_issued(each.certificate):
        return
    complete, longest = bundle.chains(each.certificate, MAX_AUTHORITIES - 1)
    if complete:
        for objection in min((list(ca_objections((each, *path))) for path in complete), key=len):
            yield Finding(Check.NOT_A_CA, str(each), objection, _PROBABLY_REJECTED, REISSUE)
        return
    if not longest:
        problem = f"its issuer {printed_name(each.certificate.issuer)} is not in the truststore"
    elif len(longest) >= MAX_AUTHORITIES:
        problem = f"its chain has more than {MAX_AUTHORITIES} CA certificates"
    else:
        problem = f"its chain is incomplete: it has {describe_incomplete(longest)}"
    yield Finding(
        Check.CA_CHAIN,
        str(each),
        problem,
        f"{_CLIENTS_REJECTED} API Gateway requires all CA certificates up to a self-signed one, at most "
        f"{MAX_AUTHORITIES}.",
        "Add the missing CA certificates, or issue clients' certificates from a CA nearer to the root",
    )
