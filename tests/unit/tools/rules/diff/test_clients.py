"""``rules diff --certs``: what the client of a certificate gains and loses is what the authorizer would grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.settings import Settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.rules.diff.clients import access, compare_access
from tests.pki.certificates import client_pem
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from mtls_authorizer_cli.rules.diff.clients import ClientChange

CLIENT = PeerCertificate.from_pem(client_pem(("CN", "client")))
OTHER = rule(name="other", match={"common_name": "other"})


def change(old: list[dict[str, Any]], new: list[dict[str, Any]], certificate: PeerCertificate = CLIENT) -> ClientChange:
    return compare_access(
        *(access(certificate, Settings(), RuleSet(parse_rules(document(*rules)))) for rules in (old, new))
    )


@pytest.mark.parametrize(
    ("old", "new", "gained", "lost"),
    [
        ([rule(allow=["GET /a"])], [rule(allow=["GET /a", "GET /b"])], [("GET/b",)], []),
        ([rule(allow=["GET /a"]), OTHER], [OTHER], [], [("GET/a",)]),
        ([OTHER], [rule()], [ALL_ROUTES], []),
        # Two rules together allow what one did.
        ([rule(allow=["GET /a", "GET /b"])], [rule(allow=["GET /a"]), rule(name="b", allow=["GET /b"])], [], []),
        ([rule(allow=["GET /a"])], [rule(name="renamed", allow=["GET /a"])], [], []),
    ],
)
def test_routes_of_all_matching_rules_are_combined(old: Any, new: Any, gained: Any, lost: Any) -> None:  # noqa: ANN401 -- JSON
    found = change(old, new)
    assert ([each.routes for each in found.gained], [each.routes for each in found.lost]) == (gained, lost)
    assert found.is_empty is (not gained and not lost)


def test_routes_with_limits_are_compared_for_these_limits() -> None:
    limited = rule(allow=["GET /a"], not_after="2027-01-01T00:00:00Z")
    found = change([rule(allow=["GET /a", "GET /b"])], [limited])
    (lost,) = found.lost
    assert (lost.routes, lost.limits) == (("GET/a", "GET/b"), None)
    assert found.gained == ()
    (lost,) = change([limited], [OTHER]).lost
    assert lost.limits is not None
    assert change([limited], [rule(allow=["GET /a"])]).lost == ()
    assert change([limited], [limited, rule(name="b", allow=["GET /a"], api_id="x")]).is_empty is False


def test_a_client_whose_limits_become_wider_loses_nothing() -> None:
    limited, extended = (rule(allow=["GET /a"], not_after=f"{year}-01-01T00:00:00Z") for year in (2027, 2028))
    assert change([limited], [extended]).lost == ()
    (gained,) = change([limited], [extended]).gained
    assert gained.limits is not None
    (lost,) = change([extended], [limited]).lost
    assert lost.limits is not None
    assert change([extended], [limited]).gained == ()


def test_consecutive_rules_with_equal_limits_are_all_compared() -> None:
    first = rule(name="first", allow=["GET /a"], api_id="x")
    second = rule(name="second", allow=["GET /b"], api_id="x")
    (lost,) = change([first, second], [first]).lost
    assert lost.routes == ("GET/b",)
    assert lost.limits is not None


def test_a_changed_context_or_usage_plan_key_is_reported() -> None:
    with_context = rule(context={"tenant": "a"})
    assert change([with_context], [rule(context={"tenant": "b"})]).context_changes
    assert change([with_context], [rule(usage_plan_key="fingerprint", context={"tenant": "a"})]).context_changes
    # The context of the first rule that matches is used, unless that is limited.
    second = rule(name="second", context={"tenant": "b"})
    assert change([with_context], [with_context, second]).is_empty
    limited = rule(name="limited", context={"tenant": "c"}, api_id="x")
    assert change([with_context], [limited, with_context]).context_changes
    assert change([with_context], [with_context, limited]).is_empty
    assert not change([with_context], [OTHER]).context_changes


def test_a_client_that_is_denied_has_no_access_and_the_reason() -> None:
    found = change([rule()], [OTHER])
    assert (found.new.grants, found.new.denial) == ((), DenyReason.COMMON_NAME_NOT_ALLOWED)
    unprintable = PeerCertificate.from_pem(client_pem(("CN", "client\n")))
    assert change([rule()], [OTHER], unprintable).is_empty
    assert change([rule()], [OTHER], unprintable).old.denial is DenyReason.SUBJECT_NOT_PRINTABLE
