from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import (
    CertificateCheck,
    PeerCertificate,
    SubjectAltName,
    all_of,
    allow_cn,
    allow_email,
    allow_fingerprints,
    allow_issuer,
    allow_organization,
    allow_ou,
    allow_san,
    allow_serial,
    allow_subject,
    any_of,
)
from tests.pki import der
from tests.pki.certificates import (
    attribute,
    certificate_der,
    client_pem,
    dns,
    email,
    extension,
    ip,
    name,
    pem,
    subject_alt_names,
    uri,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def client(*extensions: bytes) -> PeerCertificate:
    return PeerCertificate.from_der(
        certificate_der(
            name(
                ("C", "DE"),
                ("O", "Acme"),
                ("O", "Acme Holding"),
                ("OU", "payments"),
                ("OU", "refunds"),
                ("OU", "chargebacks"),
                ("CN", "client"),
                ("emailAddress", "subject@example.com"),
                ("emailAddress", "second@example.com"),
            ),
            name(("O", "Acme"), ("OU", "PKI"), ("OU", "Test"), ("CN", "Acme Issuing CA")),
            serial_number=der.integer(0x0A1B2C),
            extensions=[
                subject_alt_names(
                    dns("client.example.com"),
                    dns("a.example, DNS:evil.example"),
                    uri("spiffe://example/client"),
                    email("san@example.com"),
                    email("last@example.com"),
                    ip(b"\xc0\x00\x02\x01"),
                    ip(b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
                ),
                *extensions,
            ],
        )
    )


CLIENT = client()
SHA256 = CLIENT.fingerprint256
SHA512 = CLIENT.fingerprint512


def matching() -> list[CertificateCheck]:
    """Return checks that match CLIENT, created in the test, as mutation testing requires."""
    return [
        allow_cn(["other", "client"]),
        allow_cn(("client",)),
        allow_cn({"client": 1}.keys()),
        allow_cn(iter(["client"])),
        allow_ou(["payments"]),
        allow_ou(["other", "refunds"]),
        allow_ou(["chargebacks"]),
        allow_organization(["Acme"]),
        allow_organization(["Acme Holding"]),
        allow_fingerprints([SHA256]),
        allow_fingerprints([SHA256.replace(":", "").lower()]),
        allow_fingerprints([f"SHA256:{SHA256}"]),
        allow_fingerprints([SHA512]),
        allow_issuer([{"CN": "Acme Issuing CA"}]),
        allow_issuer([{"O": "Other"}, {"O": "Acme", "CN": "Acme Issuing CA"}]),
        allow_issuer([{"OU": "PKI"}]),
        allow_issuer([{"OU": "Test"}]),
        allow_issuer({"O": "Acme"}),
        allow_subject([{"CN": "client", "C": "DE"}]),
        allow_subject({"OU": "refunds"}),
        allow_subject([{"2.5.4.3": "client", "2.5.4.6": "DE"}]),
        allow_serial(["0A1B2C"]),
        allow_serial(["0a:1b:2c"]),
        allow_serial(["a1b2c"]),
        allow_serial(["00:0A:1B:2C"]),
        allow_san(["DNS:client.example.com"]),
        allow_san(["DNS:a.example, DNS:evil.example"]),
        allow_san(["URI:spiffe://example/client"]),
        allow_san(["email:san@example.com"]),
        allow_san(["IP:192.0.2.1"]),
        allow_san(["IP:2001:DB8:0::1"]),
        allow_email(["san@example.com"]),
        allow_email(["subject@example.com"]),
        allow_email(["second@example.com"]),
        allow_email(["last@example.com"]),
        all_of(allow_cn(["client"]), allow_ou(["payments"])),
        all_of([allow_cn(["client"]), allow_ou(["payments"])]),
        any_of(allow_cn(["other"]), allow_ou(["payments"])),
        any_of([allow_cn(["other"]), allow_ou(["payments"])]),
        all_of(allow_cn(["client"]), any_of(allow_ou(["other"]), lambda certificate: not certificate.ca)),
    ]


def not_matching() -> list[CertificateCheck]:
    """Return checks that do not match CLIENT."""
    return [
        allow_cn([]),
        allow_cn(["Client"]),
        allow_cn(["client "]),
        allow_cn(["*"]),
        allow_cn(["clien"]),
        allow_cn(["lient"]),
        allow_cn(["payments"]),
        allow_ou(["Payments"]),
        allow_ou(["payments,refunds"]),
        allow_ou(["['payments', 'refunds']"]),
        allow_organization(["payments"]),
        allow_fingerprints([]),
        allow_fingerprints(["00" * 32]),
        allow_issuer([]),
        allow_issuer([{"CN": "client"}]),
        allow_issuer([{"O": "Acme", "CN": "Other CA"}]),
        allow_issuer([{"OU": "['PKI', 'Test']"}]),
        allow_subject([{"CN": "client", "L": "Berlin"}]),
        allow_subject([{"1.2.3.4": "client"}]),
        allow_serial(["0A1B2D"]),
        allow_serial(["-0A1B2C"]),
        allow_san(["DNS:CLIENT.example.com"]),
        allow_san(["DNS:evil.example"]),
        allow_san(["DNS:a.example"]),
        allow_san(["URI:client.example.com"]),
        allow_san(["DNS:192.0.2.1"]),
        allow_san(["IP:192.0.2.2"]),
        allow_email(["SAN@example.com"]),
        *(allow_email([other]) for other in ("client.example.com", "spiffe://example/client", "192.0.2.1")),
        all_of(allow_cn(["client"]), allow_ou(["other"])),
        any_of(allow_cn(["other"]), allow_ou(["other"])),
    ]


def test_a_certificate_that_is_listed_matches() -> None:
    assert [number for number, check in enumerate(matching()) if check(CLIENT) is not True] == []


def test_a_certificate_that_is_not_listed_does_not_match() -> None:
    assert [number for number, check in enumerate(not_matching()) if check(CLIENT) is not False] == []


@pytest.mark.parametrize(
    "attributes",
    [
        [("CN", "admin"), ("CN", "nobody")],
        [("CN", "nobody"), ("CN", "admin")],
        [("CN", "admin"), ("CN", "admin")],
        [[attribute("CN", "admin"), attribute("CN", "nobody")]],
        [("O", "x,CN=admin"), ("CN", "nobody")],
        [("O", "x/CN=admin"), ("CN", "nobody")],
        [("O", "x\nCN=admin"), ("CN", "nobody")],
        [("CN", "nobody,CN=admin")],
        [("CN", "admin\0.nobody.example")],
        [("CN", "\0admin")],
        [("CN", " admin")],
        [("CN", "admin\u200b")],
        [("CN", "\N{CYRILLIC SMALL LETTER A}dmin")],
        [("CN", "\N{FULLWIDTH LATIN SMALL LETTER A}dmin")],
        [("UID", "admin")],
        [("serialNumber", "admin")],
        [],
    ],
)
def test_a_misleading_subject_does_not_match_admin(attributes: list[Any]) -> None:
    certificate = PeerCertificate.from_pem(client_pem(*attributes))
    assert allow_cn(["admin"])(certificate) is False
    assert allow_subject([{"CN": "admin"}])(certificate) is False
    assert allow_subject({"CN": "admin"})(certificate) is False
    assert allow_subject({"2.5.4.3": "admin"})(certificate) is False


def test_composed_and_decomposed_characters_are_not_the_same() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert allow_cn([composed])(PeerCertificate.from_pem(client_pem(("CN", decomposed)))) is False


def test_several_common_names_of_an_issuer_match_none() -> None:
    twice = pem(certificate_der(issuer=name(("CN", "Acme Issuing CA"), ("CN", "Other CA"))))
    assert allow_issuer([{"CN": "Acme Issuing CA"}])(PeerCertificate.from_pem(twice)) is False


def test_a_helper_that_needs_an_undecodable_extension_does_not_match_and_the_others_do() -> None:
    encoded = certificate_der(name(("CN", "client")), extensions=[extension("2.5.29.17", b"garbage")])
    undecodable = PeerCertificate.from_pem(pem(encoded))
    assert allow_san(["DNS:client.example.com"])(undecodable) is False
    assert allow_email(["san@example.com"])(undecodable) is False
    assert allow_cn(["client"])(undecodable) is True


def test_no_helper_matches_a_certificate_that_must_be_rejected_for_a_critical_extension() -> None:
    critical, other = (client(extension("1.2.3", b"\x05\x00", critical=flag)) for flag in (True, False))
    for rejected in (critical, client(extension("2.5.29.15", b"garbage", critical=True))):
        own_hashes = [allow_fingerprints([rejected.fingerprint256]), allow_fingerprints([rejected.fingerprint512])]
        assert [check for check in matching() + own_hashes if check(rejected) is not False] == []
    assert [check(other) for check in matching()].count(True) == len(matching()) - 4  # the fingerprints
    # A function of one's own may know the extension, and has the last word.
    for combinator in (all_of, any_of):
        assert combinator(lambda certificate: certificate.unhandled_critical_extensions == ("1.2.3",))(critical) is True


LISTS: list[Callable[[Any], CertificateCheck]] = [
    allow_cn,
    allow_ou,
    allow_organization,
    allow_fingerprints,
    allow_serial,
    allow_san,
    allow_email,
]


@pytest.mark.parametrize("helper", LISTS)
@pytest.mark.parametrize(
    "values", ["client", b"client", {"CN": "client"}, [None], [7], [b"client"], [["client"]], None, 7]
)
def test_a_list_of_strings_is_demanded(helper: Callable[[Any], CertificateCheck], values: object) -> None:
    with pytest.raises(TypeError):
        helper(values)


@pytest.mark.parametrize("helper", LISTS)
def test_an_empty_string_is_rejected(helper: Callable[[Any], CertificateCheck]) -> None:
    with pytest.raises(ValueError, match="empty string"):
        helper([""])


@pytest.mark.parametrize("helper", [allow_issuer, allow_subject])
@pytest.mark.parametrize(
    "values", ["CN=client", ["CN=client"], [None], [{"CN": 7}], [{"CN": ["client"]}], [{7: "a"}], 7]
)
def test_mappings_of_strings_are_demanded(helper: Callable[[Any], CertificateCheck], values: object) -> None:
    with pytest.raises(TypeError):
        helper(values)


@pytest.mark.parametrize("helper", [allow_issuer, allow_subject])
@pytest.mark.parametrize("values", [[{}], {}, [{"CN": ""}], [{"commonName": "client"}], [{"cn": "client"}]])
def test_mappings_without_a_meaning_are_rejected(helper: Callable[[Any], CertificateCheck], values: object) -> None:
    with pytest.raises(ValueError, match=r"must not contain|neither short names"):
        helper(values)


@pytest.mark.parametrize("helper", [allow_issuer, allow_subject])
def test_the_attribute_that_openssl_and_rfc_4519_define_differently_is_given_by_another_name(
    helper: Callable[[Any], CertificateCheck],
) -> None:
    user_id, unique_id = "0.9.2342.19200300.100.1.1", "0.9.2342.19200300.100.1.44"
    with pytest.raises(
        ValueError, match=rf"s has uid, which is ambiguous: write UID \({user_id}\), or {unique_id} for"
    ):
        helper([{"O": "Acme", "uid": "mallory"}])
    for oid, keys in ((user_id, ("UID", user_id)), (unique_id, (unique_id,))):
        mallory = name((oid, "mallory"))
        certificate = PeerCertificate.from_der(certificate_der(subject=mallory, issuer=mallory))
        for key in ("UID", user_id, unique_id):
            assert helper([{key: "mallory"}])(certificate) is (key in keys)


@pytest.mark.parametrize("helper", [allow_issuer, allow_subject])
@pytest.mark.parametrize(
    "mapping",
    [
        {"CN": "admin", "2.5.4.3": "client"},
        {"2.5.4.6": "DE", "2.5.4.3": "admin", "CN": "client"},
        {"O": "Acme", "2.5.4.10": "Acme"},
    ],
)
def test_an_attribute_that_is_named_twice_is_rejected(
    helper: Callable[[Any], CertificateCheck], mapping: dict[str, str]
) -> None:
    # Only the last of the two values would have to match.
    with pytest.raises(
        ValueError, match=r"s has 2\.5\.4\.(3 and CN|10 and O), which are the same attribute: remove one"
    ):
        helper([mapping])


@pytest.mark.parametrize(
    "fingerprint",
    ["xyz", "00" * 20, "0" * 63, "SHA256:", "00" * 32 + "\n", "\N{ARABIC-INDIC DIGIT ZERO}" * 64, "-" + "0" * 63],
)
def test_anything_but_a_sha256_or_sha512_is_rejected(fingerprint: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256 or SHA-512"):
        allow_fingerprints([fingerprint])


@pytest.mark.parametrize("serial_number", ["0x0A", "xyz", ":", "-", "1_0", " 1", "1.5"])
def test_anything_but_a_hexadecimal_serial_number_is_rejected(serial_number: str) -> None:
    with pytest.raises(ValueError, match="not a serial number"):
        allow_serial([serial_number])


def test_a_negative_serial_number_is_itself_only() -> None:
    negative = PeerCertificate.from_pem(pem(certificate_der(serial_number=der.integer(-0x0A))))
    assert allow_serial(["-0A"])(negative) is True
    assert allow_serial(["0A"])(negative) is False


@pytest.mark.parametrize(
    "text", ["client.example.com", "dns:client.example.com", "DNS:", ":x", "IP:example.com", "IP:", "IP:fe80::1%eth0"]
)
def test_anything_but_a_typed_subject_alt_name_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a type and a value|does not appear to be"):
        allow_san([text])


@pytest.mark.parametrize(
    "text",
    [
        *("RID:1.40", "otherName:0.99;UTF8:x"),
        *("RID:abc", "RID:1.2.3 ", "otherName:x@a.example", "otherName:msUPN;UTF8:x@a.example", "otherName:1.2.3;x"),
        *("otherName:1.2.3;DER:", "otherName:1.2.3;DER:0G", "otherName:1.2.3;DER:ABCD", "otherName:1.2.3;DER:abc"),
        # Not exactly one element, and an invalid one.
        *("otherName:1.2.3;DER:0c", "otherName:1.2.3;DER:0c01610c0161", "otherName:1.2.3;DER:010101"),
    ],
)
def test_a_subject_alt_name_that_no_certificate_can_have_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be in a certificate: write RID:"):
        allow_san([text])


def test_text_in_another_name_can_be_written_in_hexadecimal() -> None:
    for text in ("otherName:1.2.3;DER:0c0161", "otherName:1.2.3;UTF8:a"):
        assert SubjectAltName.from_string(text) == ("otherName", "1.2.3;UTF8:a")
    for text in ("otherName:1.2.3;DER:0c01ff", "otherName:1.2.3;DER:160161", "otherName:1.2.3;UTF8:x;DER:0c"):
        assert str(SubjectAltName.from_string(text)) == text


@pytest.mark.parametrize("combinator", [all_of, any_of])
def test_a_combination_without_checks_is_rejected(combinator: Callable[..., CertificateCheck]) -> None:
    with pytest.raises(ValueError, match="at least one check"):
        combinator()
    with pytest.raises(ValueError, match="at least one check"):
        combinator([])
    for wrong in (["client"], "client", [None], None, True):
        with pytest.raises(TypeError):
            combinator(wrong)


async def _coroutine(certificate: PeerCertificate) -> bool:
    raise AssertionError(certificate)  # never awaited


def _generator(certificate: PeerCertificate) -> Iterator[bool]:
    yield allow_cn(["other"])(certificate)


@pytest.mark.filterwarnings("ignore:coroutine '_coroutine' was never awaited")
@pytest.mark.parametrize("combinator", [all_of, any_of])
@pytest.mark.parametrize(
    ("own", "kind"),
    [
        (_coroutine, "coroutine"),
        (_generator, "generator"),
        (lambda _: allow_cn(["other"]), "function"),
        (lambda certificate: [allow_cn(["other"])(certificate)], "list"),
        (lambda _: "false", "str"),
        (lambda _: 1, "int"),
    ],
)
def test_a_check_of_ones_own_matches_only_with_true(
    combinator: Callable[..., CertificateCheck], own: Callable[[PeerCertificate], object], kind: str
) -> None:
    with pytest.raises(TypeError, match=f"^a check must return True or False, not a value of type {kind}$"):
        combinator(own)(CLIENT)


@pytest.mark.parametrize("combinator", [all_of, any_of])
@pytest.mark.parametrize("result", [None, "", 0, False])
def test_a_check_of_ones_own_that_returns_nothing_true_does_not_match(
    combinator: Callable[..., CertificateCheck], result: object
) -> None:
    assert combinator(lambda _: result)(CLIENT) is False


def test_a_list_can_be_changed_without_changing_the_check() -> None:
    names, mapping = ["client"], {"CN": "client"}
    checks = [allow_cn(names), allow_subject([mapping]), allow_subject(mapping)]
    names.append("other")
    mapping["CN"] = "other"
    other = PeerCertificate.from_pem(client_pem(("CN", "other")))
    assert [check(other) for check in checks] == [False, False, False]


@pytest.mark.parametrize(
    ("helper", "parameter"),
    [
        (allow_cn, "common_names"),
        (allow_ou, "organizational_units"),
        (allow_organization, "organizations"),
        (allow_fingerprints, "fingerprints"),
        (allow_serial, "serial_numbers"),
        (allow_san, "subject_alt_names"),
        (allow_email, "addresses"),
    ],
)
def test_the_error_names_the_parameter_and_the_fix(helper: Callable[[Any], CertificateCheck], parameter: str) -> None:
    for values, message in (
        ("client", f"{parameter} must be a list of strings, not the bare string 'client': write ['client']"),
        ({"CN": "client"}, f"{parameter} must be a list of strings, not a mapping"),
        ([7], f"{parameter} must contain strings, not 7"),
    ):
        with pytest.raises(TypeError) as error:
            helper(values)
        assert str(error.value) == message


@pytest.mark.parametrize(("helper", "parameter"), [(allow_issuer, "issuers"), (allow_subject, "subjects")])
def test_the_error_says_how_a_name_is_written(helper: Callable[[Any], CertificateCheck], parameter: str) -> None:
    for values, message in (
        (["CN=x"], f"{parameter} must be a list of mappings such as {{'O': 'Acme'}}, not 'CN=x'"),
        ("CN=x", f"{parameter} must be a list of mappings such as {{'O': 'Acme'}}, not 'CN=x'"),
        ("", f"{parameter} must be a list of mappings such as {{'O': 'Acme'}}, not ''"),
        ([{"O": 7}], f"{parameter} must contain strings, not 7"),
        ([{b"O": "Acme"}], f"{parameter} must contain strings, not b'O'"),
        ([{7: "Acme"}], f"{parameter} must contain strings, not 7"),
        ([{"": "Acme"}], f"{parameter} must not contain an empty string: it would match an empty attribute"),
    ):
        with pytest.raises((TypeError, ValueError)) as error:
            helper(values)
        assert str(error.value) == message


def test_the_error_shows_the_value_that_is_no_check() -> None:
    with pytest.raises(TypeError, match=r"^checks must be functions of a certificate, not \['client'\]$"):
        all_of(["client"])  # type: ignore[list-item]


UPN = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@acme.example"


@pytest.mark.parametrize(
    ("printed", "correct"),
    [
        ("DNS Name=a.example", "DNS:a.example"),
        ("dNSName: a.example", "DNS:a.example"),
        ("dns:a.example", "DNS:a.example"),
        ("IP Address:192.0.2.1", "IP:192.0.2.1"),
        ("RFC822 Name=a@acme.example", "email:a@acme.example"),
        ("URL=https://acme.example/a=b", "URI:https://acme.example/a=b"),
        ("Registered ID:1.2.3", "RID:1.2.3"),
        ("othername: UPN::user@acme.example", UPN),
        ("othername:UPN:user@acme.example", UPN),
        ("Other Name:Principal Name=user@acme.example", UPN),
        ("UPN:user@acme.example", UPN),
    ],
)
def test_the_error_for_an_alternative_name_as_programs_print_it_contains_the_correct_form(
    printed: str, correct: str
) -> None:
    assert str(SubjectAltName.from_string(correct)) == correct
    with pytest.raises(ValueError, match=re.escape(f"otherName: write {correct!r}")):
        allow_san([printed])


@pytest.mark.parametrize(
    "text",
    [
        *("", "a.example", "what:a", "DNS:", "DNS Name=", "IP:fe80::1%eth0", " " * 100, "a" * 100),
        "DNS Name=a.example, DNS Name=b.example",
    ],
)
def test_no_form_is_suggested_for_other_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"types: DNS, .* otherName$|must not be empty|is empty"):
        SubjectAltName.from_string(text)
