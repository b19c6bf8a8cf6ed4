"""PSD2 statements (ETSI TS 119 495, Annex A), byte by byte."""

from __future__ import annotations

from tests.pki import der
from tests.pki.certificates import extension

QC_STATEMENTS = "1.3.6.1.5.5.7.1.3"
PSD2_STATEMENT = "0.4.0.19495.2"
ROLE_OIDS = {f"PSP_{role}": f"0.4.0.19495.1.{number}" for number, role in enumerate(("AS", "PI", "AI", "IC"), start=1)}
# Others that certificates have next to it: compliance, and the type of a website's certificate (EN 319 412-5).
COMPLIANCE = der.sequence(der.oid("0.4.0.1862.1.1"))
TYPE = der.sequence(der.oid("0.4.0.1862.1.6"), der.sequence(der.oid("0.4.0.1862.1.6.3")))


def role(name: str, oid: str | None = None, tag: int = der.UTF8_STRING) -> bytes:
    return der.sequence(der.oid(oid or ROLE_OIDS[name]), der.text(name, tag))


def information(
    *roles: bytes, authority: bytes = der.text("Federal Authority"), authority_id: bytes = der.text("DE-BAFIN")
) -> bytes:
    return der.sequence(der.sequence(*roles), authority, authority_id)


def statements(*contents: bytes) -> bytes:
    """Return the extension with QCStatements."""
    return extension(QC_STATEMENTS, der.sequence(*contents))


def statement(info: bytes) -> bytes:
    return der.sequence(der.oid(PSD2_STATEMENT), info)


def psd2_statement(*names: str) -> bytes:
    """Return the extension of a provider with these roles."""
    return statements(COMPLIANCE, TYPE, statement(information(*map(role, names))))
