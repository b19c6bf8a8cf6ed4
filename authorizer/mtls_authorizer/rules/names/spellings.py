"""The spellings of a name: exclusions apply to all of them, because the client may have chosen one."""

from __future__ import annotations

import re

from client_certificate_auth.rfc4514 import attribute_string, parse_name
from client_certificate_auth.short_names import SHORT_NAME_BY_OID
from mtls_authorizer.rules.names.distinguished_names import sorted_name
from mtls_authorizer.rules.names.patterns import DIRECTORY_NAME, DOMAIN_LABELS, LABELS_WITH_SPELLINGS, OTHER_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.names.distinguished_names import NameValue

# The types of other names whose text is a user or a mailbox at a domain, or a domain.
_ADDRESSES = (
    "1.3.6.1.4.1.311.20.2.3",  # user principal name, in Active Directory
    "1.3.6.1.5.5.7.8.5",  # XmppAddr (RFC 6120 §13.7.1.4)
    "1.3.6.1.5.5.7.8.8",  # NAIRealm (RFC 7585 §2.2)
    "1.3.6.1.5.5.7.8.9",  # SmtpUTF8Mailbox (RFC 9598 §3)
)
# "." and ".." in a path (RFC 3986 §3.3), also where only some readers find them: those that take a backslash for a
# slash, decode first, once or several times, or remove path parameters, or white space at the end, as WHATWG's do.
# These also remove some control characters, wherever they are. Others remove white space beyond ASCII, and accept
# %u002e, or overlong UTF-8 such as %c0%ae.
_MISLEADING = re.compile(
    r"([/\\]|%(25)*(2f|5c))(\.|%(25)*2e){1,2}(?=[/\\?#;]|[^!-~]|%(25)*(2f|5c|3f|23|3b|20|[89a-f])|\Z)"
    r"|%(25)*([01][0-9a-f]|7f|u|c[01]|e0%(25)*[89]|f[08c]%(25)*8)",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"%([0-7][0-9a-f])", re.IGNORECASE)  # of an ASCII character (RFC 3986 §2.1)
_DECODINGS = 3
_SCHEME_AND_AUTHORITY = re.compile(r"[^:/?#]+:(//[^/?#]*)?")
_FINAL_DOT = re.compile(r"\.(?=(:[0-9]*)?\Z)")  # of a host, which a port may follow


def common_spelling(label: str, value: str) -> str:
    """Return the spelling in which exclusions compare a name, whose label is one of ``LABELS_WITH_SPELLINGS``.

    DNS names and email addresses are in lower case, without a final dot, also in other names. So are the scheme and the
    authority of URIs (RFC 5280 §7.4). Directory names have attributes in their common spelling.
    """
    if label == DIRECTORY_NAME:
        return sorted_name(value, _attribute_in_common_spelling)
    if label in DOMAIN_LABELS:
        return ignoring_case(value).removesuffix(".")
    if label == OTHER_NAME:
        oid, form, text = value.partition(";UTF8:")
        return f"{oid}{form}{ignoring_case(text).removesuffix('.')}" if oid in _ADDRESSES else value
    start = _SCHEME_AND_AUTHORITY.match(value)
    return _FINAL_DOT.sub("", ignoring_case(start[0])) + value[start.end() :] if start else value


def ignoring_case(text: str) -> str:
    """Return text that is equal for text in any case, and a part of it for each part of the text.

    Not ``lower``: the lower case of a sigma depends on its neighbours, which a prefix or a suffix does not have, and
    other letters have several lower cases, which ``casefold`` makes equal. It leaves out the dotless i, whose upper
    case is that of i.
    """
    return text.upper().casefold()


def may_be_another_path(uri: str) -> bool:
    """Return whether a URI begins like one path, and some read another one.

    It has dot segments, which are removed, or encoded control characters, or an encoding that only some decode, or is
    encoded so often that it is not known.
    """
    # The digits of an escape can be encoded, too: some read "%25%32e" as "%2e", and then as ".".
    for _ in range(_DECODINGS):
        if _MISLEADING.search(uri):
            return True
        uri = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), uri)
    return _ESCAPE.search(uri) is not None


def name_in_common_spelling(name: NameValue) -> NameValue:
    """Return the value of a distinguished name whose attributes are in their common spelling."""
    return tuple(tuple(sorted((oid, _common_value(oid, value)) for oid, value in rdn)) for rdn in name)


def _attribute_in_common_spelling(attribute: str) -> str:
    # As RFC 4514 has it, with letters outside of ASCII as hexadecimal pairs.
    [[(attribute_type, value)]] = parse_name(attribute)
    return attribute_string(attribute_type, _common_value(attribute_type, value))


def _common_value(attribute_type: str, value: str) -> str:
    label = SHORT_NAME_BY_OID.get(attribute_type, attribute_type)
    return common_spelling(label, value) if label in LABELS_WITH_SPELLINGS else value
