"""``python -m local_gateway.revoke CLIENT``: revoke a client's certificate, whether the gateway runs or not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cryptography import x509

from local_gateway.pki.certificates import Ca, Client, Pki, write_revocation_list
from local_gateway.pki.folder import FOLDER
from local_gateway.scenarios import CLIENTS
from mtls_authorizer_cli.command_line import CommandError, Parser, named_path, write_output
from mtls_authorizer_cli.printed import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLIENTS = {client.name: client for client in CLIENTS if client.ca is Ca.CLIENT}
"""The clients whose certificates are from the CA whose key is stored, by their names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with its arguments, and return its exit code."""
    parser = Parser(prog="python -m local_gateway.revoke", description=__doc__.partition(": ")[2])
    parser.add_argument("client", metavar="CLIENT", help="the name of the client's certificate file, without .pem")
    parser.add_argument(
        "--folder", type=named_path, default=FOLDER, help="where the gateway's certificates are (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    pki, client = Pki(options.folder), _CLIENTS.get(options.client)
    if not pki.revocation_list.exists():
        parser.error(f"there is no {pki.revocation_list}: start the gateway first, with make run")
    if client is None:
        names = ", ".join(sorted(_CLIENTS))
        parser.error(f"the CA has issued no certificate to a client {options.client!r}: name one of {names}")
    try:
        number, revoked = revoke(pki, client)
        write_output(f"Wrote {pki.revocation_list}: CRL number {number}, {counted(revoked, 'revoked certificate')}.\n")
    except CommandError as error:
        parser.error(str(error))
    except (OSError, ValueError) as error:
        parser.error(f"a file in {options.folder} cannot be used, so start the gateway again, with make run: {error}")
    return 0


def revoke(pki: Pki, client: Client) -> tuple[int, int]:
    """Sign a new CRL that also contains a client's certificate. Returns its number, and the number of its entries."""
    crl = x509.load_pem_x509_crl(pki.revocation_list.read_bytes())
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
    serial_numbers = dict.fromkeys([*(entry.serial_number for entry in crl), pki.serial_number(client)])
    write_revocation_list(pki, number, serial_numbers)
    return number, len(serial_numbers)


if __name__ == "__main__":
    sys.exit(main())
