"""Names of environment variables that are probably meant for one that decides which clients are allowed.

Ignoring such a variable could allow more clients than intended.
"""

from __future__ import annotations

import re
from itertools import pairwise

from mtls_authorizer.policy.allowlists import ALLOWLISTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The names of the variables that decide start with one of these.
_OWN_PREFIXES = ("ALLOW", "AUTHORIZER_", "REQUIRED_EXT", "CRL", "TRUSTSTORE", "S3_BUCKET_OWN")
_DENYING = ("BLACKLIST", "BLOCKED", "BLOCKLIST", "DENIED", "DENY", "DISALLOW", "REVOKE")
_PREFIXES = (*_OWN_PREFIXES, *_DENYING, "PERMITTED", "REQUIRED_KEY", "REVOCATION", "WHITELIST")

# Words that are taken for the same word.
_LIKE_ALLOWED = ("ALLOW", *_DENYING, "ACCEPTED", "EXPECTED", "PERMITTED", "REQUIRE", "TRUSTED", "WHITELIST")
# Others use these words, too, but hardly in a name that also contains one of _CERTIFICATE_TERMS.
_REJECTING = ("BANNED", "BLOCK", "FORBIDDEN", "REJECT", "REJECTED")
_LIKE_ALLOWED_WITH_TERM = frozenset([*_REJECTING, "ACCEPT", "AUTHORIZED", "PERMIT", "TRUST"])
_CERTIFICATE_TERMS = frozenset(["CN", "EKU", "FINGERPRINT", "ISSUER", "OU", "SAN"])
_SAME = {"CN": "NAME", "EKU": "USAGE", "OU": "UNIT", "SAN": "NAME", "URL": "URI"}

# Without one of these, more clients may be allowed. AUTHORIZER_URI is none: it is API Gateway's word for a function.
_RESTRICTING = (
    *ALLOWLISTS,
    *("REQUIRED_EXTENDED_KEY_USAGE", "AUTHORIZER_RULES", "SHADOW_RULES_URI", "SHADOW_RULES"),
    *("REVOCATION_CHECK", "TRUSTSTORE_URI", "S3_BUCKET_OWNER"),
)

_LONGEST_MISTAKE = 2
"""In characters, such as two that are exchanged."""


def find_misspelt(names: Iterable[str], variables: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the names that are not variables, but resemble one that decides; each with what to do instead."""
    deciding = [name for name in variables if name.startswith(_OWN_PREFIXES)]
    joined = [name.replace("_", "") for name in deciding]
    # Comparing both ends first, one of which is right, saves 1 ms.
    starts, ends = tuple({name[:4] for name in joined}), tuple({name[-4:] for name in joined})
    for name in names:
        if name in variables:
            continue
        written = _as_variable(name)
        words, letters = _words(written), written.replace("_", "")
        if (
            written.startswith(_PREFIXES)
            or name.upper().startswith(_PREFIXES)
            or "CRL" in words
            or not _PAIRS.isdisjoint(pairwise(words))
            or (
                (letters.startswith(starts) or letters.endswith(ends))
                and any(_differs_in_one_place(letters, variable) for variable in joined)
            )
        ):
            yield name, _advice(written, deciding)


def _as_variable(name: str) -> str:
    """Return a name as variables are written: REQUIRED_KEY_USAGE for ``RequiredKeyUsage`` or ``required-key-usage``."""
    if name.isupper() and name.isidentifier():
        return name
    return re.sub(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])", "_", name).strip("_").upper()


def _words(name: str) -> list[str]:
    """Return the words of a name in the singular. Words that mean the same are one word."""
    singular = [word.removesuffix("S") for word in name.split("_")]
    like_allowed = frozenset() if _CERTIFICATE_TERMS.isdisjoint(singular) else _LIKE_ALLOWED_WITH_TERM
    return [
        "ALLOWED" if word in like_allowed or word.startswith(_LIKE_ALLOWED) else _SAME.get(word, word)
        for word in singular
    ]


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    """Yield the last word of a variable with each other one, in both orders."""
    *others, last = _words(name)
    for other in others:
        yield from ((other, last), (last, other))


_PAIRS = frozenset(pair for name in _RESTRICTING for pair in _pairs(name))


def _differs_in_one_place(name: str, variable: str) -> bool:
    """Return whether two names are equal, apart from up to _LONGEST_MISTAKE characters of each in one place."""
    if abs(len(name) - len(variable)) > _LONGEST_MISTAKE:
        return False
    equal = max(len(name), len(variable)) - _LONGEST_MISTAKE
    place = next((place for place in range(equal) if name[place] != variable[place]), equal)
    return name.endswith(variable[len(variable) - equal + place :])


def _advice(name: str, deciding: list[str]) -> str:
    if any(word == "NOT" or word.startswith((*_DENYING, *_REJECTING)) for word in name.split("_")):
        return "remove it, and use deny in AUTHORIZER_RULES or at AUTHORIZER_RULES_URI to block clients"
    from difflib import get_close_matches  # noqa: PLC0415 -- only for an error

    name = name.replace("REVOCATION", "CRL")
    # Nobody should allow any client because a message named the variable.
    candidates = [variable for variable in deciding if "ANY" in _words(name) or "ANY" not in variable]
    common = {variable: len({*_words(name)}.intersection(_words(variable))) for variable in candidates}
    similar = [variable for variable in candidates if common[variable] == max(common.values())]
    return f"remove it, or write {' or '.join(get_close_matches(name, similar, n=2, cutoff=0))} if that is intended"
