"""The values that were probably intended in place of others, for warnings about lists and rules.

Only values that may need it are examined, so that few configurations import this module.
"""

from __future__ import annotations

from itertools import groupby

_JOINERS = "\u200c\u200d"
_VIRAMA = 9
"""The canonical combining class of the signs that join consonants of Indic scripts."""

_VARIATION_SELECTORS = frozenset(
    map(chr, (*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_WITH_VARIATIONS = frozenset({"Lo", "So", "Sm"})
"""The general categories of the characters that variation selectors follow: Chinese characters, emoji, and arrows."""

_BLANKS = frozenset("\u2800\u3164\uffa0")
"""Characters that look like a space, and are none for Python."""

_INVISIBLE = _VARIATION_SELECTORS | _BLANKS | frozenset("\u034f\u115f\u1160\u17b4\u17b5")
"""The characters that are printable for Python, but cannot be seen: the blanks, and Default_Ignorable_Code_Point."""

_FIRST_COMBINING_CHARACTER = "\u0300"
"""ASCII and the letters of Western and Central European languages are before it, and none of ``_INVISIBLE``."""


def has_usual_characters(text: str) -> bool:
    """Return whether printable text certainly has no unusual characters. Fast for many values at once."""
    if max(text) < _FIRST_COMBINING_CHARACTER:
        return True
    from unicodedata import is_normalized  # noqa: PLC0415 -- rarely needed

    return _INVISIBLE.isdisjoint(text) and is_normalized("NFC", text)


def without_invisible(text: str) -> str:
    """Return text with spaces instead of other whitespace, and without characters such as a byte order mark.

    Joiners and non-joiners stay where words of Arabic and Indic scripts have them (after RFC 5892, appendix A), and
    variation selectors after the characters whose form they select.
    """
    if text.isprintable() and _INVISIBLE.isdisjoint(text):
        return text
    return "".join(_visible(text, number) for number in range(len(text))).strip()


def _visible(text: str, number: int) -> str:
    """Return a character of text, or what remains of it."""
    each = text[number]
    if (each.isprintable() and each not in _INVISIBLE) or _is_needed(text, number):
        return each
    return " " if each.isspace() or each in _BLANKS else ""


def _is_needed(text: str, number: int) -> bool:
    """Return whether a character is a joiner or a variation selector in its place.

    A joiner or non-joiner is after a virama, or between two letters of Arabic scripts.
    """
    each, before, after = text[number], text[number - 1 : number], text[number + 1 : number + 2]
    if not before or before in _INVISIBLE:
        return False
    from unicodedata import bidirectional, category, combining  # noqa: PLC0415 -- rarely needed

    if each in _VARIATION_SELECTORS:
        return category(before) in _WITH_VARIATIONS
    return each in _JOINERS and (
        combining(before) == _VIRAMA or bidirectional(before) == "AL" == (after and bidirectional(after))
    )


def composed(text: str) -> str:
    """Return text with composed characters (Unicode NFC), if it has others: a u and a diaeresis, as macOS writes a ü.

    Characters that NFC replaces on their own stay: names of people in Japan contain some of them.
    """
    if max(text) < _FIRST_COMBINING_CHARACTER:
        return text
    from unicodedata import normalize  # noqa: PLC0415 -- rarely needed

    runs = groupby(text, lambda each: normalize("NFC", each) == each)
    normalized = "".join(normalize("NFC", "".join(run)) if is_usual else "".join(run) for is_usual, run in runs)
    return normalized if len(normalized) < len(text) else text


def well_formed_name(text: str) -> str | None:
    """Return a name, with its type, without what names of its type never have: ``DNS:acme.example`` has no port.

    None if that is no such name: an email address without an @, or a URI without a scheme. Text may also be a suffix.
    """
    kind, _, value = text.partition(":")
    value = value.lstrip()
    if kind == "DNS":
        host = _host(value)
        return f"DNS:{host}" if host else None
    if (kind == "email" and "@" not in value and value[:1] != ".") or (kind == "URI" and not _has_scheme(value)):
        return None
    return f"{kind}:{value}"


def _host(text: str) -> str | None:
    """Return the host of a URL, or of a host with a port. Other text stays as it is. None if it is another URI."""
    scheme, _, rest = text.rpartition("://")
    host, _, port = rest.partition("/")[0].partition(":")
    # An IPv6 address and a name with a slash are no host with a port.
    if not scheme and not port.isdigit():
        return text
    is_host = scheme.lower() in {"", "http", "https"} and (not port or port.isdigit())
    return host if host and is_host else None


def _has_scheme(text: str) -> bool:
    """Return whether text begins with the scheme of a URI (RFC 3986 §3.1)."""
    scheme, colon, _ = text.partition(":")
    letters = scheme.replace("+", "").replace("-", "").replace(".", "")
    return bool(colon) and scheme[:1].isalpha() and letters.isalnum() and scheme.isascii()


def has_unicode_domain(text: str) -> bool:
    """Return whether a name, with its type, is a DNS name or an email address whose domain is not in ASCII."""
    kind, _, name = text.partition(":")
    return kind in {"DNS", "email"} and not name.rpartition("@")[2].isascii()


def ascii_name(text: str) -> str | None:
    """Return a name with such a domain as certificates contain it (RFC 5280 §7.2): ``DNS:xn--4ca.example``.

    None if its domain is no name, if versions of IDNA differ about it, or if the part before the @ is not in ASCII.
    """
    start, at, domain = text.rpartition("@" if "@" in text else ":")
    labels = domain.removeprefix(".")
    try:
        encoded = labels.encode("idna")
        unambiguous = encoded.decode("idna") == labels.lower()
    except UnicodeError:
        return None
    dot = domain[: len(domain) - len(labels)]
    return f"{start}{at}{dot}{encoded.decode()}" if unambiguous and start.isascii() else None
