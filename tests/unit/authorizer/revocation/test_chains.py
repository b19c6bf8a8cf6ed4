from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.certificate import parse_certificate
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES, MAX_CHAINS, ChainBuilder, ChainLink
from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.crl.scope import MOST_NAMES, read_certificate_scope, read_crl_scope
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    CRL_DISTRIBUTION_POINTS,
    DAY,
    IS_A_CA,
    IS_NO_CA,
    MAY_SIGN_BOTH,
    MAY_SIGN_LISTS,
    NOW,
    CertificateAuthority,
    authority_certificate,
    authority_key,
    crl_distribution_points,
    entry,
    full_name,
)
from tests.pki.certificates import attribute, certificate_der, dns, extension, name, pem, uri

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = CertificateAuthority("Root")
MIDDLE = CertificateAuthority("Middle", parent=ROOT, serial_number=7)
ISSUING = CertificateAuthority("Issuing", parent=MIDDLE, serial_number=8)


def _truststore(*authorities: CertificateAuthority) -> Truststore:
    return read_truststore(b"".join(authority.pem for authority in authorities))


def _serial_numbers(truststore: Truststore, certificate: bytes) -> list[list[int]]:
    chains = ChainBuilder(truststore).chains(parse_certificate(certificate))
    return [[link.serial_number for link in chain.links] for chain in chains if chain.is_permitted]


def test_a_clients_own_certificate_in_the_bundle_signs_nothing() -> None:
    client = CertificateAuthority("Client", extensions=[IS_NO_CA])
    truststore = _truststore(ROOT, client)
    assert len(truststore.authorities) == 1
    assert _serial_numbers(truststore, client.issue(1)) == []
    # It is its own trust anchor, unless a CA with its name has signed it.
    assert _serial_numbers(truststore, client.certificate) == [[1000, 1000]]
    assert _serial_numbers(_truststore(ROOT, client), CertificateAuthority("Client").certificate) == []
    issued = ROOT.issue(5, subject=ROOT.name, extensions=[IS_NO_CA])
    assert _serial_numbers(read_truststore(ROOT.pem + pem(issued).encode()), issued) == [[5, 1000]]


@pytest.mark.parametrize(
    ("authorities", "expected"),
    [
        ([ROOT, MIDDLE, ISSUING], [[1, 8, 7, 1000]]),
        ([ISSUING, MIDDLE, ROOT], [[1, 8, 7, 1000]]),
        ([ISSUING, MIDDLE], [[1, 8]]),
        ([ISSUING, ROOT], [[1]]),
        ([ISSUING, ISSUING, ROOT], [[1]]),
        ([ROOT, MIDDLE], []),
        ([CertificateAuthority("Issuing")], []),
        # The name of Middle, but another key: nobody can look up whether Issuing was revoked.
        ([ISSUING, CertificateAuthority("Middle"), ROOT], []),
    ],
)
def test_a_chain_contains_all_cas_of_the_truststore_above_it(
    authorities: Sequence[CertificateAuthority], expected: list[list[int]]
) -> None:
    assert _serial_numbers(_truststore(*authorities), ISSUING.issue(1)) == expected


def test_relative_names_of_distribution_points_are_completed_with_the_name_of_the_issuer() -> None:
    relative = der.tagged(1, der.sequence(der.oid("2.5.4.3"), der.text("part")), constructed=True)
    point = der.tagged(0, relative, constructed=True)
    points = crl_distribution_points(point)
    root = CertificateAuthority("Root")
    ca = CertificateAuthority("CA", parent=root, extensions=[IS_A_CA, MAY_SIGN_BOTH, points])
    own = CertificateAuthority("Own", extensions=[IS_NO_CA, points])
    builder = ChainBuilder(_truststore(root, ca, own))
    for certificate, issuers in ((ca.issue(1, extensions=[points]), ["CA", "Root"]), (own.certificate, ["Own"])):
        (chain,) = builder.chains(parse_certificate(certificate))
        for link, issuer in zip(chain.links, issuers, strict=False):
            assert link.scope.names == read_crl_scope(der.sequence(point), name(("CN", issuer))).names
            part = name(("CN", issuer), ("CN", "part"))
            full = full_name(der.tagged(4, part, constructed=True))
            assert link.scope.names == read_crl_scope(der.sequence(full), name()).names


def test_chains_share_the_distribution_points_of_a_certificate() -> None:
    """They may have many, and so may a certificate have chains."""
    renewed = [CertificateAuthority("Middle", parent=ROOT, key=MIDDLE.key, serial_number=number) for number in (8, 9)]
    client = MIDDLE.issue(1, extensions=[crl_distribution_points(full_name(uri("x:a")))])
    chains = ChainBuilder(_truststore(ROOT, MIDDLE, *renewed)).chains(parse_certificate(client))
    first, *others = (chain.links[0].scope for chain in chains)
    assert len(others) == 2
    assert all(other is first for other in others)


LONG_NAME = name(*[("CN", f"{number}") for number in range(500)])
RELATIVE = [
    der.sequence(der.tagged(0, der.tagged(1, attribute("CN", f"{number}"), constructed=True), constructed=True))
    for number in range(MOST_NAMES - 1)
]


@pytest.mark.parametrize(
    ("subject", "points"),
    [
        (None, [der.sequence(full_name(*[uri(f"{number}") for number in range(1500)]))]),
        (None, [der.sequence(full_name(der.tagged(4, LONG_NAME, constructed=True)))]),
        (LONG_NAME, RELATIVE),
    ],
    ids=["URIs", "directory name", "relative to the name of the CA"],
)
def test_the_chains_of_a_certificate_take_little_memory(subject: bytes | None, points: list[bytes]) -> None:
    """They are kept for hundreds of certificates."""
    ca = CertificateAuthority(subject=subject)
    client = parse_certificate(ca.issue(1, extensions=[extension(CRL_DISTRIBUTION_POINTS, der.sequence(*points))]))
    builder = ChainBuilder(_truststore(ca))
    builder.chains(client)
    tracemalloc.start()
    try:
        chains = builder.chains(client)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert chains
    assert kept < 16 * 1024


def test_a_step_names_the_issuer_by_its_name_and_its_key() -> None:
    truststore = _truststore(ROOT, MIDDLE)
    (chain,) = ChainBuilder(truststore).chains(parse_certificate(MIDDLE.issue(1)))
    root, middle = (authority.identity for authority in truststore.authorities)
    client = read_certificate_scope(parse_certificate(MIDDLE.issue(1)), middle.name)
    ca = client._replace(is_ca=True)
    assert chain.links == (
        ChainLink(middle, 1, client),
        ChainLink(root, 7, ca),
        ChainLink(root, 1000, ca),
    )
    assert (root.key_fingerprint, middle.key_fingerprint) == (ROOT.signer, MIDDLE.signer)


def test_each_ca_of_a_chain_has_the_distribution_points_of_its_own_certificate() -> None:
    def below(parent: CertificateAuthority, part: str) -> CertificateAuthority:
        points = crl_distribution_points(full_name(uri(part)))
        return CertificateAuthority(part, parent=parent, extensions=[IS_A_CA, points])

    middle = below(ROOT, "http://crl.example/root.crl")
    issuing = below(middle, "http://crl.example/middle.crl")
    (chain,) = ChainBuilder(_truststore(ROOT, middle, issuing)).chains(parse_certificate(issuing.issue(1)))
    assert [link.scope.uris for link in chain.links] == [
        *((), (b"http://crl.example/middle.crl",), (b"http://crl.example/root.crl",), ())
    ]


def test_an_authority_is_valid_from_its_first_moment_until_its_last() -> None:
    (authority,) = _truststore(CertificateAuthority("CA", not_before=NOW, not_after=NOW + DAY)).authorities
    moment = timedelta(microseconds=1)
    assert [authority.is_valid_at(NOW + after) for after in (-moment, 0 * moment, DAY - moment, DAY)] == [
        *(False, True, True, False)
    ]


def test_a_chain_is_valid_while_all_of_its_authorities_are() -> None:
    early = CertificateAuthority("Early", not_before=NOW - 3 * DAY, not_after=NOW + 2 * DAY)
    late = CertificateAuthority("Late", parent=early, not_before=NOW - 2 * DAY, not_after=NOW + 3 * DAY)
    (chain,) = ChainBuilder(_truststore(early, late)).chains(parse_certificate(late.issue(1)))
    assert (chain.not_before, chain.not_after) == (NOW - 2 * DAY, NOW + 2 * DAY)


def test_every_certificate_of_a_cross_signed_ca_makes_a_chain() -> None:
    other = CertificateAuthority("Other", serial_number=2000)
    crossed = CertificateAuthority("Middle", key=MIDDLE.key, parent=other, serial_number=9)
    truststore = _truststore(ROOT, MIDDLE, other, crossed)
    assert _serial_numbers(truststore, MIDDLE.issue(1)) == [[1, 7, 1000], [1, 9, 2000]]


def test_authorities_that_have_signed_each_other_make_no_endless_chain() -> None:
    one = CertificateAuthority("One")
    two = CertificateAuthority("Two", parent=one, serial_number=2)
    one_by_two = CertificateAuthority("One", key=one.key, parent=two, serial_number=3)
    assert _serial_numbers(_truststore(two, one_by_two), two.issue(1)) == []
    assert _serial_numbers(_truststore(two, one_by_two, one), two.issue(1)) == [[1, 2, 1000]]
    # Another certificate of Two above the one in the chain would be the same CA again.
    renewed = CertificateAuthority("Two", key=two.key, parent=one, serial_number=4)
    assert _serial_numbers(_truststore(two, one_by_two, one, renewed), two.issue(1)) == [[1, 2, 1000], [1, 4, 1000]]


def test_a_chain_of_more_authorities_than_api_gateway_takes_is_none() -> None:
    chain = [ROOT]
    for number in range(4):
        chain.append(CertificateAuthority(f"CA {number}", parent=chain[-1]))
    truststore = _truststore(*chain)
    assert [len(_serial_numbers(truststore, ca.issue(1))) for ca in chain] == [1, 1, 1, 1, 0]


def test_an_authority_of_its_own_name_that_another_key_has_signed_ends_the_chain() -> None:
    renewed = CertificateAuthority("Root", parent=ROOT, serial_number=5)
    assert _serial_numbers(_truststore(renewed), renewed.issue(1)) == [[1]]
    assert _serial_numbers(_truststore(renewed, ROOT), renewed.issue(1)) == [[1, 5, 1000]]


def test_the_issuer_is_the_ca_that_signed_and_no_other_with_its_name() -> None:
    first, second = CertificateAuthority(), CertificateAuthority()
    truststore = _truststore(first, second)
    for authority in (first, second):
        (chain,) = ChainBuilder(truststore).chains(parse_certificate(authority.issue(1)))
        assert chain.links[0].issuer.key_fingerprint == authority.signer


def _authority_of(*general_names: bytes) -> bytes:
    names = der.tagged(1, b"".join(general_names), constructed=True)
    return extension("2.5.29.35", der.sequence(names, der.tagged(2, der.integer(1000)[2:])))


@pytest.mark.parametrize(
    ("identifier", "found"),
    [
        ([], True),
        ([authority_key(b"key")], True),
        ([authority_key(b"other")], False),
        ([authority_certificate(name(("CN", "Identified")), 1000)], True),
        ([authority_certificate(name(("CN", "Identified")), 1)], False),
        ([authority_certificate(name(("CN", "Root")), 1000)], False),
        ([_authority_of(dns("ca.example"))], True),
        ([_authority_of(dns("ca.example"), der.tagged(4, name(("CN", "Identified")), constructed=True))], True),
        ([_authority_of(dns("ca.example"), der.tagged(4, name(("CN", "Root")), constructed=True))], False),
        # API Gateway has accepted the certificate; what cannot be read is ignored.
        ([extension("2.5.29.35", b"\xff")], True),
        ([extension("2.5.29.35", der.sequence())], True),
    ],
)
def test_a_certificate_may_say_which_key_has_signed_it(identifier: list[bytes], found: bool) -> None:  # noqa: FBT001 -- a table's column
    authority = CertificateAuthority("Identified", key_identifier=b"key")
    assert bool(_serial_numbers(_truststore(authority), authority.issue(1, extensions=identifier))) is found


def test_an_authority_that_may_not_sign_certificates_has_signed_none() -> None:
    for extensions, found in (([IS_A_CA, MAY_SIGN_BOTH], True), ([IS_A_CA], True), ([IS_A_CA, MAY_SIGN_LISTS], False)):
        authority = CertificateAuthority(extensions=extensions)
        assert bool(_serial_numbers(_truststore(authority), authority.issue(1))) is found


@pytest.mark.parametrize(
    ("issuer", "found"),
    [
        (name(("CN", "one  TWO"), ("O", "three")), True),
        (name(("CN", " one two "), attribute("O", "Three", der.PRINTABLE_STRING)), True),
        (name(attribute("CN", "One Two", der.BMP_STRING), attribute("O", "Three", der.UNIVERSAL_STRING)), True),
        (name(("O", "Three"), ("CN", "One Two")), False),
        (name([attribute("CN", "One Two"), attribute("O", "Three")]), False),
        (name(("CN", "OneTwo"), ("O", "Three")), False),
        (name(("CN", "One Two"), ("OU", "Three")), False),
        (name(("CN", "One Two")), False),
        (name(), False),
    ],
)
def test_names_are_compared_without_case_spaces_and_encodings_and_differ_in_anything_else(
    issuer: bytes,
    found: bool,  # noqa: FBT001 -- a table's column
) -> None:
    authority = CertificateAuthority(subject=name(("CN", "One Two"), ("O", "Three")))
    assert bool(_serial_numbers(_truststore(authority), authority.issue(1, issuer=issuer))) is found


def test_a_signature_that_is_not_one_leads_nowhere() -> None:
    unsigned = certificate_der(issuer=ROOT.name)
    assert _serial_numbers(_truststore(ROOT), unsigned) == []


def test_a_bit_string_in_a_name_compares_as_it_is() -> None:
    odd = name(der.sequence(der.oid("2.5.4.45"), der.bits(b"AB")))
    authority = CertificateAuthority(subject=odd)
    lower = name(der.sequence(der.oid("2.5.4.45"), der.bits(b"ab")))
    assert _serial_numbers(_truststore(authority), authority.issue(1)) == [[1, 1000]]
    assert _serial_numbers(_truststore(authority), authority.issue(1, issuer=lower)) == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_certificate_that_was_changed_since_it_was_signed_leads_nowhere(algorithm: str) -> None:
    authority = CertificateAuthority(algorithm=ALGORITHMS[algorithm])
    signed = authority.issue(1, subject=name(("CN", "client")))
    assert _serial_numbers(_truststore(authority), signed) == [[1, 1000]]
    assert _serial_numbers(_truststore(authority), signed.replace(b"client", b"admin!")) == []


@pytest.mark.parametrize(
    "parameters", [b"", der.sequence(), der.sequence(der.tagged(0, der.sequence(der.oid("1.2.3")), constructed=True))]
)
def test_a_signature_with_unknown_parameters_does_not_verify(parameters: bytes) -> None:
    used = ALGORITHMS["RSA with SHA-256"]
    authority = CertificateAuthority(algorithm=used)
    identifier = der.sequence(der.oid("1.2.840.113549.1.1.10"), parameters)
    issuing = CertificateAuthority(algorithm=used._replace(identifier=identifier), key=authority.key)
    assert _serial_numbers(_truststore(authority), issuing.issue(1)) == []


def test_each_certificate_of_a_root_that_was_renewed_with_its_key_makes_one_chain() -> None:
    renewed = CertificateAuthority("Root", key=ROOT.key, serial_number=1001)
    assert _serial_numbers(_truststore(ROOT, renewed), ROOT.issue(1)) == [[1, 1000], [1, 1001]]


def test_a_certificate_whose_two_signature_algorithms_differ_has_no_signer() -> None:
    issued = parse_certificate(ROOT.issue(1))
    # The signature verifies with either of them: parameters that are NULL may also be left out.
    equivalent = der.sequence(der.oid("1.2.840.10045.4.3.2"), der.tlv(der.NULL))
    signature = der.bits(issued.signature)
    for outer, expected in ((issued.tbs_signature_algorithm, [[1, 1000]]), (equivalent, [])):
        assert _serial_numbers(_truststore(ROOT), der.sequence(issued.tbs_certificate, outer, signature)) == expected


UNUSUAL = [
    name(attribute("CN", "Example & Company", der.PRINTABLE_STRING)),
    name(attribute("O", "M\xfcller", der.T61_STRING)),
    name(attribute("CN", "a@b", der.NUMERIC_STRING)),
    name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"\xff"))),
    name([], ("CN", "after an empty relative distinguished name")),
]


@pytest.mark.parametrize("subject", UNUSUAL)
def test_an_unusual_name_of_a_ca_does_not_matter(subject: bytes) -> None:
    authority = CertificateAuthority(subject=subject, parent=ROOT, serial_number=7)
    assert _serial_numbers(_truststore(authority, ROOT), authority.issue(1)) == [[1, 7, 1000]]


@pytest.mark.parametrize("oid", ["2.5.29.31", "2.5.29.17", "2.5.29.32", "2.5.29.14", "1.2.3.4"])
def test_an_extension_that_cannot_be_read_does_not_matter(oid: str) -> None:
    unreadable = extension(oid, b"\xff")
    authority = CertificateAuthority("Odd", parent=ROOT, serial_number=7, extensions=[IS_A_CA, unreadable])
    client = authority.issue(1, extensions=[unreadable])
    assert _serial_numbers(_truststore(authority, ROOT), client) == [[1, 7, 1000]]


def test_a_ca_whose_key_is_not_supported_is_part_of_no_chain() -> None:
    unsupported = der.sequence(der.sequence(der.oid("1.2.3")), der.bits(b"key"))
    root = ROOT.issue(1000, subject=ROOT.name, public_key=unsupported, extensions=[IS_A_CA])
    truststore = read_truststore(pem(root).encode() + MIDDLE.pem)
    assert _serial_numbers(truststore, MIDDLE.issue(1)) == []
    assert _serial_numbers(truststore, ROOT.issue(1)) == []


def test_a_chain_states_whether_it_ends_at_a_root() -> None:
    renewed = CertificateAuthority("Root", parent=ROOT, serial_number=5)
    for authorities, expected in (((ROOT, MIDDLE), [True]), ((MIDDLE,), [False])):
        chains = ChainBuilder(_truststore(*authorities)).chains(parse_certificate(MIDDLE.issue(1)))
        assert [chain.ends_at_root for chain in chains] == expected
    (chain,) = ChainBuilder(_truststore(renewed)).chains(parse_certificate(renewed.issue(1)))
    assert not chain.ends_at_root


def test_a_chain_that_is_not_permitted_still_has_the_links_that_a_crl_may_list() -> None:
    lists_only = CertificateAuthority("Lists only", extensions=[IS_A_CA, MAY_SIGN_LISTS])
    (chain,) = ChainBuilder(_truststore(lists_only)).chains(parse_certificate(lists_only.issue(1)))
    assert not chain.is_permitted
    assert [link.serial_number for link in chain.links] == [1, 1000]


@pytest.mark.parametrize("departed", [ROOT, MIDDLE, ISSUING])
def test_a_chain_is_trusted_only_if_none_of_its_cas_has_left_the_truststore(departed: CertificateAuthority) -> None:
    truststore = _truststore(ROOT, MIDDLE, ISSUING)
    client = parse_certificate(ISSUING.issue(1))
    assert [chain.is_trusted for chain in ChainBuilder(truststore).chains(client)] == [True]
    gone = _truststore(departed).authorities
    rest = Truststore(each for each in truststore.authorities if each not in gone)
    (chain,) = ChainBuilder(rest.with_departed(gone), frozenset(each.identity for each in gone)).chains(client)
    assert (chain.is_trusted, chain.is_permitted) == (False, True)
    assert [link.serial_number for link in chain.links] == [1, 8, 7, 1000]


def test_a_chain_is_permitted_only_if_all_of_its_links_are() -> None:
    middle = CertificateAuthority("Middle", parent=ROOT, key_identifier=b"middle", serial_number=7)
    for identifier, expected in ((b"middle", [[1, 7, 1000]]), (b"other", [])):
        client = middle.issue(1, extensions=[authority_key(identifier)])
        assert _serial_numbers(_truststore(ROOT, middle), client) == expected


def test_a_certificate_whose_issuer_is_no_name_has_no_signer() -> None:
    unreadable = ROOT.issue(1, issuer=der.sequence(der.tlv(der.NULL)))
    assert ChainBuilder(_truststore(ROOT)).chains(parse_certificate(unreadable)) == ()


def _levels(count: int) -> list[list[CertificateAuthority]]:
    """Return four CAs below each other, each with so many certificates: every one may be followed by every other."""
    levels: list[list[CertificateAuthority]] = []
    for level in range(MAX_AUTHORITIES):
        (above, *_) = levels[-1] if levels else [None]
        first = CertificateAuthority(f"Level {level}", parent=above, serial_number=100 * level)
        others = (
            CertificateAuthority(f"Level {level}", parent=above, key=first.key, serial_number=100 * level + number)
            for number in range(1, count)
        )
        levels.append([first, *others])
    return levels


def test_the_number_of_chains_is_limited_however_many_certificates_cas_have() -> None:
    few = _levels(4)
    truststore = read_truststore(b"".join(authority.pem for level in few for authority in level))
    client = parse_certificate(few[-1][0].issue(1))
    assert len(ChainBuilder(truststore).chains(client)) == MAX_CHAINS
    many = _levels(20)  # 160,000 chains
    truststore = read_truststore(b"".join(authority.pem for level in many for authority in level))
    client = parse_certificate(many[-1][0].issue(1))
    (chain,) = ChainBuilder(truststore).chains(client)
    assert not chain.is_permitted
    # The certificate itself comes first, and any of the CAs may be revoked.
    assert chain.links[0].serial_number == 1
    assert {link.serial_number for link in chain.links} == {
        1,
        *(100 * level + number for level in range(4) for number in range(20)),
    }
    certificate = PeerCertificate(client)
    for crls, expected in (
        ([many[-1][0].revoke()], RevocationState.UNKNOWN),
        ([many[-1][0].revoke(entry(1))], RevocationState.REVOKED),
        ([many[0][0].revoke(entry(119))], RevocationState.REVOKED),
    ):
        lists = RevocationLists([verify_crl(crl, truststore) for crl in crls], truststore)
        assert lists.status(certificate, NOW).state is expected
