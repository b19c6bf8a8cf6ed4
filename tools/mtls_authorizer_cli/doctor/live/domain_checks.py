"""Checks of the custom domain names of an API, and of their truststores."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.doctor.account.aws import UnavailableError, Variable, command
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Mistake, combine
from mtls_authorizer_cli.doctor.live.examination import examine, unavailable
from mtls_authorizer_cli.doctor.offline.truststore import CHECKS as TRUSTSTORE_CHECKS
from mtls_authorizer_cli.doctor.offline.truststore import Examined, examine_truststore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.doctor.account.aws import Aws
    from mtls_authorizer_cli.doctor.account.domain import Domain
    from mtls_authorizer_cli.doctor.account.function import Function
    from mtls_authorizer_cli.doctor.live.examination import Checks
    from mtls_authorizer_cli.progress import Progress

_AVAILABLE = "AVAILABLE"
_STATUSES = {
    "PENDING_OWNERSHIP_VERIFICATION": "API Gateway requires a certificate that verifies the ownership of the domain",
    "PENDING_CERTIFICATE_REIMPORT": "the server's certificate must be imported again",
    "UPDATING": "a change is in progress",
}


class ExaminedDomain(NamedTuple):
    """A domain name to examine. ``function`` is the authorizer's, None if it is not known."""

    aws: Aws
    domain: Domain
    function: Function | None

    def __str__(self) -> str:
        return str(self.domain)

    def examined_truststore(self) -> Examined:
        """Read and check the truststore. Raises UnavailableError."""
        uri = str(self.domain.truststore_uri)
        content, _ = self.aws.content(*_split(uri), self.domain.truststore_version)
        try:
            return examine_truststore(uri, content, datetime.now(UTC))
        except ValueError as error:
            reason = f"{uri}: {error}"
            raise UnavailableError(reason) from error

    def diagnosis(self, progress: Progress) -> Diagnosis:
        """Make all checks."""
        if self.domain.truststore_uri is None:
            return examine(_DOMAIN_CHECKS, self, progress)
        diagnosis = examine({**_DOMAIN_CHECKS, **_MUTUAL_TLS_CHECKS}, self, progress)
        try:
            return combine(diagnosis, self.examined_truststore().diagnosis)
        except UnavailableError as error:
            return combine(diagnosis, unavailable(TRUSTSTORE_CHECKS, error))


def _mutual_tls(examined: ExaminedDomain) -> Iterator[Mistake]:
    domain = examined.domain
    if domain.truststore_uri is None:
        uri = _uri_of_function(examined)
        yield Mistake(
            "it has no mutual TLS",
            "Its requests carry no client certificate: the authorizer denies all of them, and routes without it "
            "are open to everyone.",
            "Turn mutual TLS on" if uri else "Put the truststore's URI into S3_URI, and turn mutual TLS on",
            (domain.update(examined.aws.region, "truststoreUri", uri or Variable("S3_URI")),),
        )


def _uri_of_function(examined: ExaminedDomain) -> str | None:
    """Return the URI of the function's truststore; None if it is not known, or not in S3, where API Gateway reads."""
    try:
        uri = examined.function.environment.get("TRUSTSTORE_URI", "").strip() if examined.function else ""
    except UnavailableError:
        return None
    return uri if uri.startswith("s3://") else None


def _status(examined: ExaminedDomain) -> Iterator[Mistake]:
    show = ("apigatewayv2", "get-domain-name", "--domain-name", examined.domain.name)
    for status, message in examined.domain.statuses:
        if status not in {_AVAILABLE, ""}:
            yield Mistake(
                f"its status is {status}: {message or _STATUSES.get(status, 'AWS gives no reason')}",
                "Changes of the domain name, such as a new truststore, are not in effect.",
                "Wait if it is being updated; otherwise correct the reason",
                (command(examined.aws.region, *show),),
            )


def _warnings(examined: ExaminedDomain) -> Iterator[Mistake]:
    for warning in examined.domain.truststore_warnings:
        yield Mistake(
            f"API Gateway warns about the truststore: {warning}",
            "It ignores the certificate, so that clients below it are rejected. Mutual TLS stays enabled.",
            "Correct and upload the truststore, put its version into VERSION_ID, and update the domain",
            (_update_to(examined, Variable("VERSION_ID")),),
        )


def _update_to(examined: ExaminedDomain, version: str | Variable) -> str:
    return examined.domain.update(examined.aws.region, "truststoreVersion", version)


def _version(examined: ExaminedDomain) -> Iterator[Mistake]:
    domain = examined.domain
    bucket, key = _split(str(domain.truststore_uri))
    newest = examined.aws.get("s3", "head_object", Bucket=bucket, Key=key).get("VersionId", "null")
    if domain.truststore_version is None:
        name = f"{domain} names no version of its truststore, so that the one in effect is not known"
        if newest == "null":
            reason = f"{name}, and {bucket} has no versioning"
            raise UnavailableError(reason)
        reason = f"{name}. To pin the newest: {_update_to(examined, newest)}"
        raise UnavailableError(reason)
    if domain.truststore_version != newest:
        yield Mistake(
            f"it uses version {domain.truststore_version} of {domain.truststore_uri}, and the newest is {newest}",
            "API Gateway does not pick up new versions: clients of added CAs are rejected, and clients of "
            "removed CAs still connect.",
            "Update the domain name to the newest version",
            (_update_to(examined, newest),),
        )


def _uri_of_authorizer(examined: ExaminedDomain) -> Iterator[Mistake]:
    if examined.function is None:
        reason = "the authorizer's function is not known"
        raise UnavailableError(reason)
    uri = examined.function.environment.get("TRUSTSTORE_URI", "").strip()
    if not uri:
        return
    if not uri.startswith("s3://"):
        reason = f"TRUSTSTORE_URI is a file of the function: {uri}"
        raise UnavailableError(reason)
    bucket, key = _split(str(examined.domain.truststore_uri))
    content, version = examined.aws.content(bucket, key, examined.domain.truststore_version)
    if content != examined.aws.content(*_split(uri))[0]:
        other_bucket, other_key = _split(uri)
        source = f"{bucket}/{key}" + (f"?versionId={version}" if version not in {None, "null"} else "")
        copy = ("s3api", "copy-object", "--copy-source", source, "--bucket", other_bucket, "--key", other_key)
        yield Mistake(
            f"its truststore and the authorizer's, {uri}, have different contents",
            "The authorizer cannot verify CRLs and issuer keys of CAs that its truststore lacks: their clients are "
            "denied with revocation_status_unknown or issuer_key_not_allowed.",
            "Copy the domain name's truststore to TRUSTSTORE_URI, or update the domain name if that one is newer",
            (command(examined.aws.region, *copy),),
        )


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


_DOMAIN_CHECKS: Checks[ExaminedDomain] = {
    Check.MUTUAL_TLS: _mutual_tls,
    Check.DOMAIN_STATUS: _status,
}
_MUTUAL_TLS_CHECKS: Checks[ExaminedDomain] = {
    Check.TRUSTSTORE_WARNINGS: _warnings,
    Check.TRUSTSTORE_VERSION: _version,
    Check.TRUSTSTORE_URI: _uri_of_authorizer,
}
"""The checks of a domain name with mutual TLS."""

CHECKS = (*_DOMAIN_CHECKS, *_MUTUAL_TLS_CHECKS, *TRUSTSTORE_CHECKS)
