"""CAs for the properties of rules: among them two with the same name and other keys.

Their keys are always the same, so that every example can be repeated.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.stores.store import Fetched
from tests.pki import der
from tests.pki.certificate_authorities import IS_A_CA, MAY_SIGN_CERTIFICATES
from tests.pki.certificates import certificate_der, name, pem
from tests.refreshing import LONG_WAITS

if TYPE_CHECKING:
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.stores.store import Store

TRUSTSTORE_URI = "file:///truststore.pem"

_KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 4)]
PUBLIC_KEYS = [key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in _KEYS]
KEY_FINGERPRINTS = [hashlib.sha256(key).hexdigest() for key in PUBLIC_KEYS]
"""Of the keys of CAs and of clients."""

AUTHORITIES = [("CN=a,O=Acme", 0), ("CN=a,O=Acme", 1), ("O=Acme,CN=a", 0), (r"CN=x\,CN\=admin", 2)]
"""The CAs in the truststore: the name (RFC 4514), and the number of the key."""

_NAMES = {
    "CN=a,O=Acme": name(("O", "Acme"), ("CN", "a")),
    "O=Acme,CN=a": name(("CN", "a"), ("O", "Acme")),
    r"CN=x\,CN\=admin": name(("CN", "x,CN=admin")),
}


def sign(number: int, to_be_signed: bytes) -> bytes:
    """Return the signature of a CA."""
    return _KEYS[number].sign(to_be_signed)


def _authority(written: str, number: int) -> str:
    encoded = _NAMES[written]
    certificate = certificate_der(
        encoded,
        encoded,
        serial_number=der.integer(number + 1),
        public_key=PUBLIC_KEYS[number],
        extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES],
        sign=lambda signed: sign(number, signed),
    )
    return pem(certificate)


_TRUSTSTORE = "".join(_authority(*each) for each in AUTHORITIES).encode()


class _TruststoreStore:
    """A store that contains the truststore."""

    uri = TRUSTSTORE_URI

    def fetch(self, version: str | None, /) -> Fetched | None:
        return None if version else Fetched(_TRUSTSTORE, "1")

    def reset(self) -> None:
        """Do nothing: there is no state."""


def policy_with_truststore(settings: Settings) -> CurrentPolicy:
    """Return the policy of settings, with the truststore from memory."""

    def opener(uri: str, *, max_bytes: int) -> Store:
        assert uri == TRUSTSTORE_URI
        assert max_bytes > len(_TRUSTSTORE)
        return _TruststoreStore()

    return CurrentPolicy(settings, opener=opener, wait_seconds=LONG_WAITS)
