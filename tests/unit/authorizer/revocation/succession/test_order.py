"""Which of two lists is newer."""

from __future__ import annotations

from itertools import product

from mtls_authorizer.revocation.succession.order import age, is_superseded
from tests.pki.certificate_authorities import DAY, NOW
from tests.pki.crl_indexes import ListedRevocations


def test_a_list_comes_after_all_lists_that_it_supersedes() -> None:
    editions = product((None, 0, 1, 5), (NOW, NOW + DAY))
    lists = [ListedRevocations((), number, this_update).to_list() for number, this_update in editions]
    for each, other in product(lists, repeat=2):
        assert age(each) < age(other) or not is_superseded(each, other)
        assert age(each) == age(other) or age(each) < age(other) or age(other) < age(each)
