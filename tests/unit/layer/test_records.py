"""Named tuples of ``client_certificate_auth.records`` in comparison with those of ``typing``."""

from __future__ import annotations

import collections
import copy
import inspect
import pickle
import types
import typing
from itertools import combinations, product
from typing import Any, Generic, TypeVar

import pytest

from client_certificate_auth.records import NamedTuple

T = TypeVar("T")


class Route(NamedTuple):
    """Describes a route."""

    method: str
    path: str
    is_public: bool = False
    stages: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.method} {self.path}"

    def __str__(self) -> str:
        return super().__str__().upper()


class StandardRoute(typing.NamedTuple):
    method: str
    path: str
    is_public: bool = False
    stages: tuple[str, ...] = ()


class Loaded(NamedTuple, Generic[T]):
    value: T
    version: int = 1


def outcome(call: typing.Callable[[], Any]) -> tuple[object, ...] | None:
    """Return the values of a call's record, None for an error. ``typing`` raises ValueError in some before 3.13."""
    try:
        return tuple(call())
    except (TypeError, ValueError):
        return None


def test_calls_are_those_of_typing() -> None:
    names = ["method", "path", "is_public", "stages", "unknown"]
    outcomes = []
    for number, size in product(range(6), range(6)):
        for named in combinations(names, size):
            values: list[Any] = ["GET", "/payments", True, ("prod",), "surplus"][:number]
            keywords: dict[str, Any] = {name: f"by name: {name}" for name in named}
            expected = outcome(lambda: StandardRoute(*values, **keywords))  # noqa: B023 -- called at once
            assert outcome(lambda: Route(*values, **keywords)) == expected, (values, keywords)  # noqa: B023 -- likewise
            outcomes.append(expected)
    assert None in outcomes
    assert len(set(outcomes)) > len(names)


def test_the_number_of_fields_does_not_matter() -> None:
    for number in range(30):
        names = [f"field_{each}" for each in range(number)]
        expected = collections.namedtuple("Record", names, defaults=("last",) if names else ())  # type: ignore[misc]  # noqa: PYI024
        definition = {"__annotations__": dict.fromkeys(names, "object"), **expected._field_defaults}
        record: Any = types.new_class("Record", (NamedTuple,), exec_body=lambda body: body.update(definition))  # noqa: B023
        assert record(*names) == expected(*names) == tuple(names)
        assert record(*names[:-1]) == expected(*names[:-1]) == (*names[:-1], *(["last"] if names else []))
        assert record(**{name: name for name in reversed(names)}) == tuple(names)
        assert inspect.signature(record) == inspect.signature(expected)


def test_replacements_are_those_of_typing() -> None:
    values = ("GET", "/payments", True, ("prod",))
    for keywords in ({}, {"path": "/"}, {"path": "/", "method": "PUT"}, {"unknown": 1}):
        expected = outcome(lambda: StandardRoute(*values)._replace(**keywords))  # noqa: B023 -- called at once
        assert outcome(lambda: Route(*values)._replace(**keywords)) == expected  # noqa: B023 -- likewise
    for number in range(6):
        few = (*values, "surplus")[:number]
        expected = outcome(lambda: StandardRoute._make(iter(few)))  # noqa: B023 -- likewise
        assert outcome(lambda: Route._make(iter(few))) == expected  # noqa: B023 -- likewise


def test_the_description_is_that_of_typing() -> None:
    route, standard = Route("GET", "/"), StandardRoute("GET", "/")
    assert repr(route) == repr(standard).removeprefix("Standard")
    assert route._asdict() == standard._asdict()
    assert (Route._fields, Route.__match_args__) == (StandardRoute._fields, StandardRoute.__match_args__)
    assert Route._field_defaults == StandardRoute._field_defaults
    assert (Route.__doc__, Route.__module__, Route.__qualname__) == ("Describes a route.", __name__, "Route")
    assert type(Route) is type


def test_records_are_immutable_tuples() -> None:
    route = Route("GET", "/")
    assert isinstance(route, tuple)
    assert (route, hash(route)) == (("GET", "/", False, ()), hash(("GET", "/", False, ())))
    for name in ("method", "unknown"):
        with pytest.raises(AttributeError):
            setattr(route, name, "PUT")
    assert not hasattr(route, "__dict__")


def test_copies_are_equal_and_of_the_same_class() -> None:
    route = Route("GET", "/", is_public=True)
    copies = [copy.copy(route), copy.deepcopy(route)]
    copies += [pickle.loads(pickle.dumps(route, protocol)) for protocol in range(6)]  # noqa: S301 -- its own
    assert all(each == route and type(each) is Route for each in copies)
    if hasattr(copy, "replace"):  # Python 3.13
        assert copy.replace(route, path="/payments") == Route("GET", "/payments", is_public=True)


def test_classes_have_members_of_their_own() -> None:
    route = Route("GET", "/")
    assert route.text == "GET /"
    assert str(route) == repr(route).upper()
    match route:
        case Route(method, "/"):
            assert method == "GET"
        case _:
            pytest.fail("the pattern does not match")


def test_classes_can_be_generic() -> None:
    loaded: Loaded[str] = Loaded("value")
    assert loaded == ("value", 1)
    assert Loaded[int](3).value == 3
    assert repr(loaded) == "Loaded(value='value', version=1)"
