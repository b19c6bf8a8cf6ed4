"""The URIs that name stored documents: their grammar, and the checks that a URI must pass.

Nothing is opened here: see ``opener.open_store``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import unquote

from client_certificate_auth.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import NoReturn


class Scheme(StrEnum):
    """The kinds of stores."""

    FILE = "file"
    S3 = "s3"
    SSM = "ssm"
    APPCONFIG = "appconfig"


class Location(NamedTuple):
    """The parsed form of a URI.

    ``parts`` are a path (file); a bucket and a key (S3); the names of parameters (SSM); an application, an environment
    and a profile (AppConfig).
    """

    scheme: Scheme
    parts: tuple[str, ...]


_FORMS: Mapping[Scheme, str] = {
    Scheme.FILE: "file:///absolute/path",
    Scheme.S3: "s3://bucket/key",
    Scheme.SSM: "ssm:///parameter or ssm:///part/1,/part/2",
    Scheme.APPCONFIG: "appconfig://application/environment/profile",
}

_MAX_SHOWN = 80  # characters of a rejected URI that are repeated in the message
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_MAX_KEY_BYTES = 1024  # of UTF-8
# The name of a parameter and, after a colon, the number or the label of one of its versions.
_PARAMETER = re.compile(r"(?:/[A-Za-z0-9_.-]+)+(?::[A-Za-z0-9_.-]+)?")
_MAX_PARAMETERS = 10  # that one call of GetParameters reads
_APPCONFIG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,127}")
_APPCONFIG_PARTS = 3


def parse_uri(uri: str, schemes: Collection[str] = tuple(Scheme)) -> Location:
    """Parse the URI of a document in a store of one of these schemes. Nothing is opened.

    Raises ValueError with the problem and the correct form, worded to follow the name of a variable. Parts that may be
    secret (a password, a signed query) are not repeated in the message.
    """
    prefix, separator, rest = uri.partition("://")
    if not separator or prefix not in schemes:
        raise _error(uri, "write " + ", ".join(_FORMS[scheme] for scheme in Scheme if scheme in schemes))
    scheme = Scheme(prefix)
    try:
        if not uri.isprintable():
            _reject("it contains a character that is not printable")
        return Location(scheme, _PARSERS[scheme](rest))
    except ValueError as error:
        raise _error(uri, f"{error}; write {_FORMS[scheme]}") from None


def is_prefix(uri: str) -> bool:
    """Return whether a URI is a prefix: it names all documents below it."""
    return uri.endswith("/")


def parse_prefix(uri: str) -> Location:
    """Parse a prefix in S3 or of files, which ends with a slash, as ``parse_uri`` does. The last part keeps its slash.

    Raises ValueError also for a whole bucket, and for the root of the file system.
    """
    scheme, (*parts, last) = parse_uri(uri.removesuffix("/"), (Scheme.S3, Scheme.FILE))
    return Location(scheme, (*parts, f"{last}/"))


def names_document(uri: str) -> bool:
    """Return whether ``parse_uri`` accepts a URI."""
    try:
        parse_uri(uri)
    except ValueError:
        return False
    return True


def _parse_file(rest: str) -> tuple[str, ...]:
    if not rest.startswith("/"):
        _reject("the path must be absolute, without a host before it: three slashes")
    if "?" in rest or "#" in rest:
        _reject("a file has no query or fragment: write %3F for ?, %23 for #")
    if _BAD_PERCENT.search(rest):
        _reject("two hexadecimal digits must follow %: write %25 for % itself")
    path = unquote(rest, errors="strict")
    if not path.isprintable():
        _reject("it contains a character that is not printable")
    if ".." in path.split("/"):
        _reject("its path contains ..")
    if path.endswith("/"):
        _reject("it names a folder, not a file")
    return (path,)


def _parse_s3(rest: str) -> tuple[str, ...]:
    bucket, _slash, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        _reject("the text between s3:// and the next slash is not the name of a bucket")
    if not key or key.endswith("/"):
        _reject("it names no object")
    if "?" in key or "#" in key:
        _reject("a key must not contain ? or #, and there is no query or fragment")
    if not {".", ".."}.isdisjoint(key.split("/")):
        _reject("a key must not contain . or .. between slashes")
    if len(key.encode()) > _MAX_KEY_BYTES:
        _reject(f"its key is longer than {_MAX_KEY_BYTES} bytes")
    return bucket, key


def _parse_ssm(rest: str) -> tuple[str, ...]:
    names = rest.split(",")
    for name in names:
        if not _PARAMETER.fullmatch(name):
            _reject(
                f"{name[:_MAX_SHOWN]!r} is not the name of a parameter: a name begins with a slash, and has letters,"
                " digits, _, . and - between slashes"
            )
    if len({name.partition(":")[0] for name in names}) < len(names):
        _reject("it names a parameter twice")
    if len(names) > _MAX_PARAMETERS:
        _reject(f"it names {len(names)} parameters, but at most {_MAX_PARAMETERS} can be read at once")
    return tuple(names)


def _parse_appconfig(rest: str) -> tuple[str, ...]:
    names = tuple(rest.split("/"))
    if len(names) != _APPCONFIG_PARTS:
        _reject("appconfig:// must be followed by three names or IDs, separated by slashes")
    for name in names:
        if not _APPCONFIG_NAME.fullmatch(name):
            _reject("a name has letters, digits, spaces, ., _ and -; if yours has other characters, write its ID")
    return names


_PARSERS: Mapping[Scheme, Callable[[str], tuple[str, ...]]] = {
    Scheme.FILE: _parse_file,
    Scheme.S3: _parse_s3,
    Scheme.SSM: _parse_ssm,
    Scheme.APPCONFIG: _parse_appconfig,
}


def _reject(problem: str) -> NoReturn:
    raise ValueError(problem)


def _error(uri: str, problem: str) -> ValueError:
    return ValueError(f"is {_shown(uri)}: {problem}")


def _shown(uri: str) -> str:
    """Return the part of a rejected URI that may be shown: it may contain a password or a signed query."""
    scheme, separator, _rest = uri.partition("://")
    shown = re.split("[?#]", uri, maxsplit=1)[0][:_MAX_SHOWN]
    if "@" in uri:
        shown = scheme[:_MAX_SHOWN] + separator if separator else ""
    return repr(shown if shown == uri else shown + "…")
