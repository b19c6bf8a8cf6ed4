"""A CA of today, its clients, its CRLs and their indexes, and places to store them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from client_certificate_auth import PeerCertificate
from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.revocation.crl.reader import verify_with_entries
from mtls_authorizer.revocation.documents import RevocationDocuments
from mtls_authorizer.revocation.index.format import write_index
from mtls_authorizer.revocation.settings import RevocationSettings
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.revocation.truststore.loader import truststore_loader
from mtls_authorizer.stores.opener import open_prefix, open_store
from mtls_authorizer.stores.store import DEFAULT_TIMEOUTS, Fetched, Listed, Prefix, Store, StoreError, Timeouts
from tests.aws.api_events import STAGE_ARN, rest_event
from tests.aws.responses import checking
from tests.clocks import LONG, Clock
from tests.pki.certificate_authorities import DAY, CertificateAuthority, crl_number, entry
from tests.pki.certificates import name, pem
from tests.refreshing import LONG_WAITS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.server import AwsServer

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)

GOOD_SERIAL, REVOKED_SERIAL, NEXT_SERIAL = 1, 2, 3
"""Of a client that is never revoked, one that the first list revokes, and one that the second revokes as well."""

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


def index_of(encoded: bytes, source_version: str | None = None) -> bytes:
    """Return a CRL's index, whatever its dates. ``source_version`` is the version of the stored CRL."""
    verified, entries = verify_with_entries(encoded, read_truststore(EVERYBODY))
    return write_index(verified, entries.serial_numbers(), source_version=source_version)


class Storage(Protocol):
    """A place for documents."""

    def uri(self, name: str) -> str:
        """Return the URI of a document."""

    def put(self, name: str, content: bytes) -> None:
        """Store a document, or replace it."""

    def remove(self, name: str) -> None:
        """Delete a document."""

    def open(self, uri: str, *, max_bytes: int) -> Store:
        """Open the store of a document."""

    def open_prefix(self, uri: str) -> Prefix:
        """Open the folder of documents whose URIs begin with this one."""


class Memory:
    """Storage without input and output, for tests of everything but stores. ``requests`` records what was fetched."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bool]] = []
        """The name of each document that was fetched, and whether it was delivered."""
        self.listings: list[str] = []
        """The URI of each folder that was listed."""
        self.fails_to_list = False
        self.errors: dict[str, StoreError] = {}
        """What is raised for a document."""
        self.resets: list[str] = []
        """The URI of each store that was reset."""
        self._documents: dict[str, Fetched] = {}
        self._count = 0

    def uri(self, name: str) -> str:
        return f"file:///{name}"

    def put(self, name: str, content: bytes) -> None:
        self._count += 1
        self._documents[name] = Fetched(content, f"v{self._count}")

    def remove(self, name: str) -> None:
        del self._documents[name]

    def open(self, uri: str, *, max_bytes: int) -> Store:
        assert max_bytes
        return MemoryStore(self, uri)

    def open_prefix(self, uri: str) -> Prefix:
        return MemoryPrefix(self, uri)

    def documents(self, uri: str, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        self.listings.append(uri)
        if self.fails_to_list:
            raise StoreError(uri, "page 2 cannot be read")
        return {
            self.uri(name): Listed(name.rpartition("/")[2], fetched.version, len(fetched.content))
            for name, fetched in self._documents.items()
            if self.uri(name).startswith(uri) and name.endswith(suffixes)
        }

    def fetch(self, uri: str, version: str | None) -> Fetched | None:
        name = uri.removeprefix("file:///")
        fetched = self._documents.get(name)
        if fetched is None:
            raise StoreError(uri, "No such file or directory", is_absence=True)
        unchanged = fetched.version == version
        self.requests.append((name, not unchanged))
        error = self.errors.get(name)
        if error is not None:
            raise error
        return None if unchanged else fetched


class MemoryStore:
    """The store of one document in memory."""

    def __init__(self, storage: Memory, uri: str) -> None:
        self.uri = uri
        self._storage = storage

    def fetch(self, version: str | None, /) -> Fetched | None:
        return self._storage.fetch(self.uri, version)

    def reset(self) -> None:
        self._storage.resets.append(self.uri)


class MemoryPrefix:
    """A folder in memory."""

    def __init__(self, storage: Memory, uri: str) -> None:
        self.uri = uri
        self._storage = storage

    def documents(self, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        return self._storage.documents(self.uri, suffixes)

    def reset(self) -> None:
        self._storage.resets.append(self.uri)


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

    def open(self, uri: str, *, max_bytes: int) -> Store:
        return open_store(uri, max_bytes=max_bytes, bucket_owner=None)

    def open_prefix(self, uri: str) -> Prefix:
        return open_prefix(uri, bucket_owner=None)


class Bucket:
    """A bucket of moto's server."""

    def __init__(self, aws: AwsServer, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._aws = aws
        self._timeouts = timeouts

    def uri(self, name: str) -> str:
        return f"s3://bucket/{name}"

    def put(self, name: str, content: bytes) -> None:
        self._aws.put_object(self.uri(name), content)

    def remove(self, name: str) -> None:
        self._aws.client("s3").delete_object(Bucket="bucket", Key=name)

    def open(self, uri: str, *, max_bytes: int) -> Store:
        return open_store(uri, max_bytes=max_bytes, timeouts=self._timeouts, bucket_owner=None)

    def open_prefix(self, uri: str) -> Prefix:
        return open_prefix(uri, timeouts=self._timeouts, bucket_owner=None)


def settings(storage: Storage, **variables: str) -> Settings:
    """Return settings that allow "client" unless it is revoked, and reloads lists with every request."""
    environment = {
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": storage.uri("ca.crl"),
        "TRUSTSTORE_URI": storage.uri("truststore.pem"),
        **variables,
    }
    return load_settings(environment)._replace(crl_refresh_seconds=0)


def make_live(storage: Storage, configured: Settings | None = None, **options: Any) -> CurrentPolicy:  # noqa: ANN401 -- its own
    """Return the policy in force: that of ``settings`` by default. It waits long for stores."""
    options = {"opener": storage.open, "prefix_opener": storage.open_prefix, "wait_seconds": LONG_WAITS, **options}
    return CurrentPolicy(configured or settings(storage), **options)


def make_authorizer(storage: Storage, **variables: str) -> EventAuthorizer:
    """Return an authorizer with ``settings``."""
    return EventAuthorizer(make_live(storage, settings(storage, **variables)))


class EventAuthorizer:
    """An authorizer that is asked with the events of API Gateway."""

    def __init__(self, current_policy: CurrentPolicy, **options: Any) -> None:  # noqa: ANN401 -- Authorizer's
        self._authorize = checking(Authorizer(current_policy.settings, current_policy, **options))

    def deny_reason(self, certificate: str, method: str = "GET", path: str = "/hello") -> str | None:
        """Return why a certificate is denied, None if it is allowed."""
        answer: Any = self._authorize(rest_event(certificate, method, path))
        effect = evaluate(answer["policyDocument"], f"{STAGE_ARN}/{method}{path}")
        if effect is Effect.ALLOW:
            return None
        return str(answer["context"].get("reason", effect.name))

    def deny_reasons(self, *certificates: str) -> list[str | None]:
        """Return the same for several: by default one that is never revoked, one that is, and the next one to be."""
        return [self.deny_reason(certificate) for certificate in certificates or (GOOD, WITHDRAWN, NEXT)]


class Source:
    """Revocation documents that are loaded when a test says so."""

    def __init__(self, storage: Storage) -> None:
        self._truststore = Document(truststore_loader(storage.uri("truststore.pem"), storage.open))
        self._documents = RevocationDocuments(
            RevocationSettings((storage.uri("ca.crl"),)),
            self._truststore,
            refresh_seconds=60,
            opener=storage.open,
            prefix_opener=storage.open_prefix,
            now=lambda: datetime.now(UTC),
            clock=Clock(),
        )
        (self.crl,) = self._documents.crls
        self.refresh()

    def refresh(self) -> str | None:
        """Load all documents, and return ``in_force``."""
        for documents in ([self._truststore], self._documents.crls):
            Refresher(documents, 0, start_seconds=LONG, wait_seconds=LONG).refresh_if_due()
        return self.in_force

    @property
    def in_force(self) -> str | None:
        """What the last list was read from, ``index`` or ``crl``, and the revoked ones of the CA's three clients."""
        if self.crl.in_force is None:
            return None
        lists = self._documents.lists(self._truststore.value)
        clients = {GOOD_SERIAL: GOOD, REVOKED_SERIAL: WITHDRAWN, NEXT_SERIAL: NEXT}
        revoked = [
            str(serial)
            for serial, client_pem in clients.items()
            if lists.status(PeerCertificate.from_pem(client_pem), NOW).state is RevocationState.REVOKED
        ]
        return " ".join([self.crl.in_force.version.used, *revoked])
