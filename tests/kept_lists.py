"""A CA of today, its clients, its CRLs and their indexes, and places to keep them in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from local_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.crl import read_revocation_list
from mtls_authorizer.revocation.index import write_index
from mtls_authorizer.revocation.truststore import read_truststore
from tests.api_events import STAGE_ARN, rest_event
from tests.certificate_authorities import DAY, CertificateAuthority, crl_number, entry
from tests.certificates import name, pem

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer.policy.current_policy import CurrentPolicy
    from tests.aws_server import AwsServer

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)

GOOD_SERIAL, REVOKED_SERIAL, NEXT_SERIAL = 1, 2, 3
"""Of a client that nobody revokes, one that the first list revokes, and one that the second revokes as well."""

REVOKED, UNKNOWN = DenyReason.CERTIFICATE_REVOKED, DenyReason.REVOCATION_STATUS_UNKNOWN


def authority(common_name: str, **options: Any) -> CertificateAuthority:  # noqa: ANN401 -- CertificateAuthority's
    return CertificateAuthority(
        common_name, **{"not_before": NOW - 1000 * DAY, "not_after": NOW + 1000 * DAY, **options}
    )


CA, OTHER, NAMESAKE = authority("CA"), authority("Other"), authority("CA")


def client(serial_number: int, ca: CertificateAuthority = CA, common_name: str = "client") -> str:
    certificate = ca.issue(
        serial_number, subject=name(("CN", common_name)), not_before=NOW - DAY, not_after=NOW + 100 * DAY
    )
    return pem(certificate)


GOOD, WITHDRAWN, NEXT = (client(number) for number in (GOOD_SERIAL, REVOKED_SERIAL, NEXT_SERIAL))


def crl(
    number: int,
    *revoked: int,
    ca: CertificateAuthority = CA,
    this_update: datetime | None = None,
    next_update: datetime = NOW + DAY,
) -> bytes:
    """Return a CRL; one with a higher number is newer."""
    return ca.revoke(
        *(entry(serial) for serial in revoked),
        this_update=this_update or NOW - DAY + number * MINUTE,
        next_update=next_update,
        extensions=[crl_number(number)],
    )


EMPTY, FIRST, SECOND = crl(1), crl(2, REVOKED_SERIAL), crl(3, REVOKED_SERIAL, NEXT_SERIAL)
STALE = crl(2, REVOKED_SERIAL, next_update=NOW - MINUTE)
FUTURE = crl(9, REVOKED_SERIAL, this_update=NOW + DAY, next_update=NOW + 2 * DAY)
HTML = b"<!DOCTYPE html><html><body>Please sign in.</body></html>"

EVERYBODY = CA.pem + OTHER.pem + NAMESAKE.pem


def index_of(encoded: bytes) -> bytes:
    """Return a CRL's index, whatever its dates."""
    truststore = read_truststore(EVERYBODY)
    return write_index(read_revocation_list(encoded, truststore, NOW + 3 * DAY, max_age=2000 * DAY))


class Shelf(Protocol):
    """A place to keep documents in."""

    def uri(self, name: str) -> str:
        """Return a document's URI."""

    def put(self, name: str, content: bytes) -> None:
        """Put a document there, or in place of the one that is there."""

    def remove(self, name: str) -> None:
        """Take a document away."""


class Folder:
    """Local files."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def uri(self, name: str) -> str:
        return (self._path / name).as_uri()

    def put(self, name: str, content: bytes) -> None:
        new = self._path / "new"
        new.write_bytes(content)
        new.replace(self._path / name)

    def remove(self, name: str) -> None:
        (self._path / name).unlink()


class Bucket:
    """A bucket of moto's server."""

    def __init__(self, aws: AwsServer) -> None:
        self._aws = aws

    def uri(self, name: str) -> str:
        return f"s3://bucket/{name}"

    def put(self, name: str, content: bytes) -> None:
        self._aws.put_object(self.uri(name), content)

    def remove(self, name: str) -> None:
        self._aws.client("s3").delete_object(Bucket="bucket", Key=name)


def configuration(shelf: Shelf, **variables: str) -> Settings:
    """Return a configuration that lets "client" in unless it is revoked, and looks for new lists at every request."""
    environment = {
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": shelf.uri("ca.crl"),
        "TRUSTSTORE_URI": shelf.uri("truststore.pem"),
        **variables,
    }
    loaded = load_settings(environment)
    assert loaded.crl_sources is not None
    return loaded._replace(crl_sources=loaded.crl_sources._replace(refresh_seconds=0))


class Door:
    """An authorizer, asked with API Gateway's events."""

    def __init__(self, settings: Settings, current_policy: CurrentPolicy | None = None) -> None:
        self._authorize = Authorizer(settings, current_policy).authorize

    def refusal(self, certificate: str, method: str = "GET", path: str = "/hello") -> str | None:
        """Return why a certificate is turned away, None if it is let in."""
        answer: Any = self._authorize(rest_event(certificate, method, path))
        effect = evaluate(answer["policyDocument"], f"{STAGE_ARN}/{method}{path}")
        if effect is Effect.ALLOW:
            return None
        return str(answer["context"].get("reason", effect.name))

    def refusals(self, *certificates: str) -> list[str | None]:
        """Return the same for several: one that nobody revokes, one that is revoked, and the next one to be."""
        return [self.refusal(certificate) for certificate in certificates or (GOOD, WITHDRAWN, NEXT)]
