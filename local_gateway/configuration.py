"""The configuration of the local gateway: of its authorizers, and of the TLS handshake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer_cli.certificates.content import to_pem
from mtls_authorizer_cli.command_line import command_errors, read_file
from mtls_authorizer_cli.configuration.loading import load_configuration
from mtls_authorizer_cli.explanation.truststore import read_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local_gateway.pki.certificates import Pki

_RULES = [
    {
        "name": "acme-reader",
        "match": {"common_name": ["reader", "blocked"], "organization": "Acme"},
        "allow": ["GET /hello", "GET /hello/public/*"],
        "context": {"tenant": "acme"},
    },
    {"name": "acme", "match": {"organization": "Acme"}, "allow": ["GET /hello/public/*"]},
]
_DENY = {"common_name": "blocked", "organization": "Acme"}

SAMPLE_VARIABLES = {
    "ALLOWED_COMMON_NAMES": "authorized-client, admin",
    "ALLOWED_ORGANIZATIONAL_UNITS": "Payments",
    "ALLOWLIST_MATCH": "any",
    "AUTHORIZER_RULES": json.dumps({"rules": _RULES, "deny": _DENY}),
}
"""The environment variables of the sample APIs' authorizers, except RESPONSE_FORMAT and those for revocation."""

REFRESH_SECONDS = 2
"""How often CRLs and rules are loaded again, so that changes are seen soon."""

_LARGEST_TRUSTSTORE = 2_000_000
_NEED_TRUSTSTORE = ("AUTHORIZER_RULES_URI", "CRL_URIS", "ALLOWED_ISSUER_KEYS")


class Configuration(NamedTuple):
    """The configuration of the local gateway.

    ``variables`` are the environment variables of the authorizers, without RESPONSE_FORMAT, which depends on the API.
    ``truststore`` contains the CA certificates that the handshake trusts; ``stored_truststore`` is the same file as it
    would be in S3, where it may contain blocks that cannot be read.

    The scenarios can be played if the truststore is the sample's. Their expectations apply if the variables are the
    sample's as well.
    """

    variables: Mapping[str, str]
    truststore: Path
    stored_truststore: Path
    own_variables: bool = False
    own_truststore: bool = False
    warnings: tuple[str, ...] = ()
    """What API Gateway would not accept about the own truststore."""

    @property
    def is_sample(self) -> bool:
        """Whether the expectations of the scenarios apply."""
        return not self.own_variables and not self.own_truststore


def sample_configuration(pki: Pki) -> Configuration:
    """Return the configuration of the scenarios, with revocation and a rule for the key of the CA."""
    match = {"common_name": "pinned-ca", "issuer_key": pki.client_ca_fingerprint}
    by_key = {"name": "pinned-ca", "match": match, "allow": ["GET /hello"]}
    crls = [crl.absolute().as_uri() for crl in (pki.revocation_list, pki.fetched_crl)]
    variables = {
        **SAMPLE_VARIABLES,
        "AUTHORIZER_RULES": json.dumps({"rules": [*_RULES, by_key], "deny": _DENY}),
        "CRL_URIS": ",".join([*crls, f"{pki.partitions.absolute().as_uri()}/"]),
        "TRUSTSTORE_URI": pki.stored_truststore.absolute().as_uri(),
        "CRL_REFRESH_SECONDS": str(REFRESH_SECONDS),
    }
    return Configuration(variables, pki.truststore, pki.stored_truststore)


def own_configuration(
    pki: Pki, variables: Mapping[str, str], rules: Path | None = None, truststore: Path | None = None
) -> Configuration:
    """Return a configuration with the user's variables, rules document and truststore, each if it is given.

    Own variables or rules replace all variables of the sample. With an own truststore alone, the sample's lists and
    rules apply, without revocation, because its CRLs are not from the CAs of that truststore.

    Raises CommandError if a file cannot be read, or if an authorizer would not start.
    """
    if not variables and rules is None and truststore is None:
        return sample_configuration(pki)
    stored = pki.stored_truststore if truststore is None else truststore
    trusted, warnings = (pki.truststore, ()) if truststore is None else _write_readable(truststore, pki)
    own_variables = bool(variables) or rules is not None
    chosen = dict(variables) if own_variables else dict(SAMPLE_VARIABLES)
    if rules is not None:
        chosen.pop("AUTHORIZER_RULES", None)
        chosen["AUTHORIZER_RULES_URI"] = rules.absolute().as_uri()
        chosen.setdefault("AUTHORIZER_RULES_REFRESH_SECONDS", str(REFRESH_SECONDS))
    inline = chosen.get("AUTHORIZER_RULES", "") + chosen.get("AUTHORIZER_SHADOW_RULES", "")
    if any(name in chosen for name in _NEED_TRUSTSTORE) or f'"{ISSUER_KEY}"' in inline:
        chosen.setdefault("TRUSTSTORE_URI", stored.absolute().as_uri())
    chosen.pop("RESPONSE_FORMAT", None)
    load_configuration(chosen, None)
    return Configuration(chosen, trusted, stored, own_variables, truststore is not None, warnings)


def _write_readable(truststore: Path, pki: Pki) -> tuple[Path, tuple[str, ...]]:
    """Write the certificates of a truststore that can be read, as API Gateway uses only those, into a file.

    Return the file, and warnings about the truststore. Raises CommandError.
    """
    content = read_file(str(truststore), largest=_LARGEST_TRUSTSTORE, expected="a truststore, which is smaller")
    with command_errors(f"{truststore}: ", ValueError):
        bundle = read_bundle(content)
    readable = (to_pem(each.certificate.der) for each in bundle.certificates)
    pki.own_truststore.write_text("".join(readable), encoding="ascii")
    return pki.own_truststore, tuple(bundle.warnings)
