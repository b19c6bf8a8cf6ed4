"""Checks of the custom domain names of an API, and of their truststores."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer_cli.doctor.account.aws import UnavailableError
from mtls_authorizer_cli.doctor.account.commands import Variable, command
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Mistake, combine
from mtls_authorizer_cli.doctor.live.examination import examine, unavailable
from mtls_authorizer_cli.doctor.offline.truststore import CHECKS as TRUSTSTORE_CHECKS
from mtls_authorizer_cli.doctor.offline.truststore import Examined, examine_truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mtls_authorizer_cli.doctor.account.aws import Aws
    from mtls_authorizer_cli.doctor.account.domain import Domain
    from mtls_authorizer_cli.doctor.account.function import Function
    from mtls_authorizer_cli.progress import Progress

CHECKS = (
    Check.MUTUAL_TLS,
    Check.DOMAIN_STATUS,
    Check.TRUSTSTORE_WARNINGS,
    Check.TRUSTSTORE_VERSION,
    Check.TRUSTSTORE_URI,
    *TRUSTSTORE_CHECKS,
)

_AVAILABLE = "AVAILABLE"
_STATUSES = {
    "PENDING_OWNERSHIP_VERIFICATION": "API Gateway requires a certificate that verifies the ownership of the domain",
    "PENDING_CERTIFICATE_REIMPORT": "the server's certificate must be imported again",
    "UPDATING": "a change is in progress",
}


class DomainChecks:
    """The checks of a domain name. ``function`` is the authorizer's, None if it is not known."""

    def __init__(self, aws: Aws, domain: Domain, function: Function | None) -> None:
        self._aws = aws
        self._domain = domain
        self._function = function

    def __str__(self) -> str:
        return str(self._domain)

    def diagnosis(self, progress: Progress) -> Diagnosis:
        """Make all checks."""
        checks: dict[Check, Callable[[DomainChecks], Iterator[Mistake]]] = {
            Check.MUTUAL_TLS: DomainChecks._mutual_tls,
            Check.DOMAIN_STATUS: DomainChecks._status,
        }
        if self._domain.truststore_uri is None:
            return examine(checks, self, progress)
        checks |= {
            Check.TRUSTSTORE_WARNINGS: DomainChecks._warnings,
            Check.TRUSTSTORE_VERSION: DomainChecks._version,
            Check.TRUSTSTORE_URI: DomainChecks._uri_of_authorizer,
        }
        return combine(examine(checks, self, progress), self._truststore())

    def examined_truststore(self) -> Examined:
        """Read and check the truststore. Raises UnavailableError."""
        uri = str(self._domain.truststore_uri)
        content, _ = self._aws.content(*_split(uri), self._domain.truststore_version)
        try:
            return examine_truststore(uri, content, datetime.now(UTC))
        except ValueError as error:
            reason = f"{uri} {error}"
            raise UnavailableError(reason) from error

    def _truststore(self) -> Diagnosis:
        try:
            return self.examined_truststore().diagnosis
        except UnavailableError as error:
            return unavailable(TRUSTSTORE_CHECKS, error)

    def _mutual_tls(self) -> Iterator[Mistake]:
        domain = self._domain
        if domain.truststore_uri is None:
            uri = self._uri_of_function()
            yield Mistake(
                "it has no mutual TLS",
                "Its requests carry no client certificate: the authorizer denies all of them, and routes without it "
                "are open to everyone.",
                "Turn mutual TLS on" if uri else "Put the truststore's URI into S3_URI, and turn mutual TLS on",
                (domain.update(self._aws.region, "truststoreUri", uri or Variable("S3_URI")),),
            )

    def _uri_of_function(self) -> str | None:
        try:
            return self._function.environment.get("TRUSTSTORE_URI") if self._function else None
        except UnavailableError:
            return None

    def _status(self) -> Iterator[Mistake]:
        for status, message in self._domain.statuses:
            if status not in {_AVAILABLE, ""}:
                yield Mistake(
                    f"its status is {status}: {message or _STATUSES.get(status, 'AWS gives no reason')}",
                    "Changes of the domain name, such as a new truststore, are not in effect.",
                    "Wait if it is being updated; otherwise correct the reason",
                    (command(self._aws.region, "apigatewayv2", "get-domain-name", "--domain-name", self._domain.name),),
                )

    def _warnings(self) -> Iterator[Mistake]:
        for warning in self._domain.truststore_warnings:
            yield Mistake(
                f"API Gateway warns about the truststore: {warning}",
                "It ignores the certificate, so that clients below it are rejected. Mutual TLS stays enabled.",
                "Correct and upload the truststore, put its version into VERSION_ID, and update the domain",
                (self._update_to(Variable("VERSION_ID")),),
            )

    def _update_to(self, version: str | Variable) -> str:
        return self._domain.update(self._aws.region, "truststoreVersion", version)

    def _version(self) -> Iterator[Mistake]:
        domain = self._domain
        bucket, key = _split(str(domain.truststore_uri))
        newest = self._aws.get("s3", "head_object", Bucket=bucket, Key=key).get("VersionId", "null")
        if domain.truststore_version is None:
            name = f"{domain} names no version of its truststore, so that the one in effect is not known"
            if newest == "null":
                reason = f"{name}, and {bucket} has no versioning"
                raise UnavailableError(reason)
            reason = f"{name}. To pin the newest: {self._update_to(newest)}"
            raise UnavailableError(reason)
        if domain.truststore_version != newest:
            yield Mistake(
                f"it uses version {domain.truststore_version} of {domain.truststore_uri}, and the newest is {newest}",
                "API Gateway does not pick up new versions: clients of added CAs are rejected, and clients of "
                "removed CAs still connect.",
                "Update the domain name to the newest version",
                (self._update_to(newest),),
            )

    def _uri_of_authorizer(self) -> Iterator[Mistake]:
        if self._function is None:
            reason = "the authorizer's function is not known"
            raise UnavailableError(reason)
        uri = self._function.environment.get("TRUSTSTORE_URI", "").strip()
        if not uri:
            return
        if not uri.startswith("s3://"):
            reason = f"TRUSTSTORE_URI is a file of the function: {uri}"
            raise UnavailableError(reason)
        bucket, key = _split(str(self._domain.truststore_uri))
        content, version = self._aws.content(bucket, key, self._domain.truststore_version)
        if content != self._aws.content(*_split(uri))[0]:
            other_bucket, other_key = _split(uri)
            source = f"{bucket}/{key}" + (f"?versionId={version}" if version not in {None, "null"} else "")
            copy = ("s3api", "copy-object", "--copy-source", source, "--bucket", other_bucket, "--key", other_key)
            yield Mistake(
                f"its truststore and the authorizer's, {uri}, have different contents",
                "The authorizer cannot verify CRLs and issuer keys of CAs that its truststore lacks: their clients are "
                "denied with revocation_status_unknown or issuer_key_not_allowed.",
                "Copy the domain name's truststore to TRUSTSTORE_URI, or update the domain name if that one is newer",
                (command(self._aws.region, *copy),),
            )


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
