"""Everything that ``rules diff`` reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.rules.diff.clients import ClientChange
    from mtls_authorizer_cli.rules.diff.comparison import Comparison


class ClientDifference(NamedTuple):
    """The difference for the client of a certificate, and the file that contains it."""

    file: str
    certificate: PeerCertificate
    change: ClientChange


class Report(NamedTuple):
    """The differences between two documents. ``new`` is the location of the new one.

    ``clients`` has an item for each certificate, and is None if no certificates were given. ``unreadable`` are files
    without a certificate that can be read.
    """

    new: str
    comparison: Comparison
    clients: tuple[ClientDifference, ...] | None = None
    unreadable: tuple[CertificateFile, ...] = ()

    @property
    def changed_clients(self) -> tuple[ClientDifference, ...]:
        """The clients that notice something."""
        return tuple(client for client in self.clients or () if not client.change.is_empty)

    @property
    def has_differences(self) -> bool:
        """Whether a rule or a client differs."""
        return not self.comparison.is_empty or bool(self.changed_clients)
