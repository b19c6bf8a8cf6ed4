"""Fuzzes what reads plain certificates: `python -m tests.fuzz.fuzz_certificates --seconds 600`, `layer` on the path.

Whatever the bytes, the short way comes to what cryptography alone comes to, whatever certificates came before.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from pathlib import Path
from random import Random

from cryptography import x509

from client_certificate_auth.plain_certificates import read_plain_extensions, read_plain_fields, read_plain_pem
from tests import der
from tests.certificates import (
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    certificate_der,
    dns,
    email,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.fuzz.command_line import run
from tests.layer.both_ways import assert_that_both_ways_agree

_GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "certificates").glob("*.pem"))
_KEY_IDENTIFIER = extension("2.5.29.14", der.octets(bytes(20)))
_CLIENT_AUTHENTICATION = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2")))
_NOT_A_CA = extension(BASIC_CONSTRAINTS, der.sequence(), critical=True)
_NAMES = subject_alt_names(dns("a.example"), email("a@example.com"), uri("spiffe://example.com/a"))
_EXTENSIONS = (
    [_NAMES],
    [_NOT_A_CA, _CLIENT_AUTHENTICATION, _KEY_IDENTIFIER, _NAMES],
    [_KEY_IDENTIFIER, _NAMES, _CLIENT_AUTHENTICATION, extension("1.2.3.4", bytes(200))],
    *([subject_alt_names(*[dns("abc")] * count), _KEY_IDENTIFIER] for count in (40, 80)),
)
_SUBJECT = name(("O", "Acmé"), ("OU", "payments"), ("CN", "client"))

# Tags, lengths and what OIDs of extensions are made of.
_INTERESTING = bytes.fromhex("30 31 04 06 0c 13 16 a0 a3 81 82 86 87 80 83 55 1d 0e 11 00 01 02 03 05 14 16 7f ff")


class FindingError(AssertionError):
    """Something that must not be. The message has the certificate in it, in hexadecimal."""


def fuzz(seed: int, *, seconds: float = float("inf"), executions: float = float("inf")) -> Counter[str]:
    """Run until the time is over or the number reached, and count how the inputs were read. Raises FindingError."""
    chance = Random(seed)  # noqa: S311 -- to be repeatable
    seeds = [certificate_der(_SUBJECT, extensions=extensions) for extensions in _EXTENSIONS]
    golden = [content for path in _GOLDEN if (content := read_plain_pem(path.read_text(encoding="ascii")))]
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        while outcomes.total() < executions and time.monotonic() < end:
            certificate = _mutated(chance, chance.choice(seeds if chance.random() < 0.5 else golden))
            try:
                outcomes[_outcome(certificate)] += 1
                assert_that_both_ways_agree(pem(certificate))
            except Exception as error:
                message = f"after {outcomes.total()} executions: {certificate.hex()}"
                raise FindingError(message) from error
    return outcomes


def _outcome(certificate: bytes) -> str:
    try:
        x509.load_der_x509_certificate(certificate)
    except (ValueError, x509.InvalidVersion):
        return "malformed"
    *_, end = read_plain_fields(certificate)
    plain = end is not None and read_plain_extensions(certificate, end) is not None
    return "with plain extensions" if plain else "with others"


def _mutated(chance: Random, certificate: bytes) -> bytes:
    """Return a certificate in which some bytes have changed, and lengths mostly not."""
    content = bytearray(certificate)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
        # Extensions are at the end, before the signature.
        place = chance.randrange(max(0, len(content) - 400) if chance.random() < 0.6 else 0, len(content))
        match chance.randrange(5):
            case 0 | 1:
                content[place] = chance.choice(_INTERESTING)
            case 2:
                content[place] = (content[place] + chance.choice((-2, -1, 1, 2))) % 256
            case 3:
                content[place] ^= 1 << chance.randrange(8)
            case _:
                length = min(chance.randrange(1, 8), len(content) - place)
                start = chance.randrange(len(content) - length)
                content[place : place + length] = content[start : start + length]
    return bytes(content)


if __name__ == "__main__":
    run(fuzz, __doc__)
