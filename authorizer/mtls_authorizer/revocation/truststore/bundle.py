"""The truststore: the CAs that the custom domain of API Gateway trusts, read from its PEM bundle."""

from __future__ import annotations

import hashlib
import re
from binascii import a2b_base64

from client_certificate_auth import MalformedCertificateError
from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.certificate import parse_certificate
from client_certificate_auth.x509.der import DerError
from mtls_authorizer.revocation.truststore.authority import read_authority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from client_certificate_auth.x509.certificate import Certificate
    from mtls_authorizer.revocation.truststore.authority import Authority, AuthorityId
    from mtls_authorizer.revocation.truststore.names import CanonicalName

MAX_TRUSTSTORE_BYTES = 1_000_000
"""The limit of API Gateway (1,000 KB)."""

_BOUNDARY = re.compile(rb"-----(BEGIN|END) ([^\r\n-]*)-----")
_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")


class PemBlock(NamedTuple):
    """A block of a PEM file (RFC 7468 §2): its label, and its base64 without whitespace."""

    label: bytes
    body: bytes


class SkippedBlock(NamedTuple):
    """A block of the truststore that is not used."""

    position: int
    """1 for the first block."""

    sha256: str
    """The digest of the certificate in DER, or of the block's text if that is not base64, in lower-case hexadecimal."""

    reason: str


class Truststore:
    """The CAs of a truststore, found by name, and certificates that clients have signed themselves."""

    def __init__(self, certificates: Iterable[Authority], skipped: Iterable[SkippedBlock] = ()) -> None:
        # Without repetitions: a certificate that is there twice would double every chain.
        distinct = {each.certificate.der: each for each in certificates}
        self.authorities = tuple(each for each in distinct.values() if each.is_ca)
        self._of_clients = {encoded: each for encoded, each in distinct.items() if not each.is_ca}
        self.skipped = tuple(skipped)
        """Blocks that cannot be used: their clients' status is unknown."""
        self._first_expiry = min((authority.not_after for authority in self.authorities), default=None)
        self._by_name: dict[CanonicalName, list[Authority]] = {}
        for authority in self.authorities:
            self._by_name.setdefault(authority.identity.name, []).append(authority)

    def days_to_expiry(self, now: datetime) -> int | None:
        """Return the whole days until the first CA certificate expires, negative afterwards. ``now`` is aware.

        None without certificates.
        """
        return None if self._first_expiry is None else (self._first_expiry - now).days

    def named(self, name: CanonicalName) -> tuple[Authority, ...]:
        """Return all certificates of the CAs with this name."""
        return tuple(self._by_name.get(name, ()))

    def of_client(self, certificate: Certificate) -> Authority | None:
        """Return the authority of a client's own certificate that it has signed itself, None if it is not there."""
        return self._of_clients.get(certificate.der)

    def key_fingerprints(self, digests: frozenset[str]) -> frozenset[str]:
        """Return the fingerprints of the keys, also of clients' own certificates, that some digests name."""
        authorities = (*self.authorities, *self._of_clients.values()) if digests else ()
        named = (each for each in authorities if not digests.isdisjoint(each.key_digests))
        return frozenset(each.identity.key_fingerprint for each in named)

    def identified(self, identity: AuthorityId) -> tuple[Authority, ...]:
        """Return all certificates of one CA."""
        return tuple(each for each in self.named(identity.name) if each.identity == identity)

    def with_departed(self, departed: Iterable[Authority]) -> Truststore:
        """Return a truststore that also contains CAs that have left this one."""
        return Truststore((*self.authorities, *self._of_clients.values(), *departed), self.skipped)


def read_truststore(content: bytes) -> Truststore:
    """Read the PEM bundle of CA certificates that the custom domain uses; text between certificates is ignored.

    Certificates that are neither CA certificates (RFC 5280 §4.2.1.9) nor self-issued are not used. Blocks that
    cannot be read, and CAs whose keys are not supported, are skipped one by one, as by API Gateway: they are in
    ``Truststore.skipped``.

    Raises ValueError, with a message for users, for more than MAX_TRUSTSTORE_BYTES, for a file that is incomplete (a
    block without its END line), and for a bundle without a CA that can be used.
    """
    if len(content) > MAX_TRUSTSTORE_BYTES:
        message = f"the truststore has {len(content):,} bytes; API Gateway accepts at most {MAX_TRUSTSTORE_BYTES:,}"
        raise ValueError(message)
    blocks = read_blocks(content)
    if not blocks:
        message = "the truststore contains no certificate in PEM (-----BEGIN CERTIFICATE-----)"
        raise ValueError(message)
    authorities: list[Authority] = []
    skipped: list[SkippedBlock] = []
    for position, block in enumerate(blocks, start=1):
        read = _read_block(position, block)
        if isinstance(read, SkippedBlock):
            skipped.append(read)
        elif read is not None:
            authorities.append(read)
            if read.public_key is None:
                skipped.append(_skipped(position, read.certificate.der, "its key is of a kind that is not supported"))
    if all(authority.public_key is None or not authority.is_ca for authority in authorities):
        reasons = "".join(f"; block {position}: {reason}" for position, _, reason in skipped[:1])
        message = (
            f"no PEM block of the truststore ({len(blocks)} in all) is a usable CA certificate (basicConstraints with "
            f"CA:TRUE){reasons}"
        )
        raise ValueError(message)
    return Truststore(authorities, skipped)


def _read_block(position: int, block: PemBlock) -> Authority | SkippedBlock | None:
    """Return the authority in a block; None for a certificate that is neither a CA certificate nor self-issued."""
    encoded = block.body
    if block.label not in _LABELS:
        return _skipped(position, encoded, f"it is not a certificate, but {block.label[:40].decode('latin-1')!r}")
    try:
        encoded = a2b_base64(block.body, strict_mode=True)
        return read_authority(parse_certificate(encoded))
    except (DerError, MalformedCertificateError) as error:
        return _skipped(position, encoded, f"it cannot be read: {error}")
    except ValueError as error:
        return _skipped(position, encoded, f"it is not base64: {error}")


def _skipped(position: int, content: bytes, reason: str) -> SkippedBlock:
    return SkippedBlock(position, hashlib.sha256(content).hexdigest(), reason)


def read_blocks(content: bytes) -> list[PemBlock]:
    """Return the blocks of a file; text around them is ignored.

    Raises ValueError if a block has no END line, or an END line no block: such a file is incomplete.
    """
    blocks: list[PemBlock] = []
    begin: re.Match[bytes] | None = None
    for boundary in _BOUNDARY.finditer(content):
        if (boundary[1] == b"BEGIN") is (begin is not None):
            raise _incomplete(len(blocks) + 1)
        if begin is None:
            begin = boundary
            continue
        if boundary[2] != begin[2]:
            raise _incomplete(len(blocks) + 1)
        blocks.append(PemBlock(begin[2], content[begin.end() : boundary.start()].translate(None, b" \t\r\n")))
        begin = None
    if begin is not None or content.count(b"-----BEGIN") != len(blocks):
        raise _incomplete(len(blocks) + 1)
    return blocks


def _incomplete(position: int) -> ValueError:
    return ValueError(
        f"PEM block {position} is incomplete: its BEGIN and END lines do not match. Was the file truncated?"
    )
