"""An exception at any line that a request or a refresh executes does not affect the answers to later requests.

A handler in Python can end anywhere, for example with MemoryError, and Lambda continues to use the process.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtls_authorizer
from mtls_authorizer.policy.settings import load_settings
from tests.clocks import Clock, join_attempts
from tests.pki.kept_lists import CA, NAMESAKE, OTHER, UNKNOWN, EventAuthorizer, Memory, client, crl, make_live
from tests.pki.partitions import client_of, partition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Self

    Place: TypeAlias = tuple[str, int]
    """A file and a line."""

pytestmark = [
    pytest.mark.without_coverage,
    # Also a thread that loads a document may end in this way.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

INTERVAL = 60
RULES = b'{"rules": [{"name": "one", "match": {"common_name": ["client", "other"]}}], "deny": {"common_name": "%s"}}'
CERTIFICATES = (
    client(1, OTHER),
    client(2, OTHER),
    client(3, OTHER, "other"),
    client_of(1, 11),
    client_of(1, 12),
    client_of(2, 21),
    client_of(None, 1, NAMESAKE),
)

# What has state, and what uses it. The rest is pure: an exception in it is one of its caller.
MODULES = (
    "authorizer.py",
    "policy/current_policy.py",
    "refresh/*.py",
    "request/assessment.py",
    "revocation/*.py",
    "revocation/prefix/*.py",
    "revocation/succession/*.py",
    "telemetry/*.py",
)
ROOT = Path(mtls_authorizer.__file__).parent
FILES = frozenset(str(path) for pattern in MODULES for path in ROOT.glob(pattern))


class Tracing:
    """Records the lines of these modules that all threads execute, and raises MemoryError before one of them."""

    def __init__(self, place: Place | None) -> None:
        self.executed: dict[Place, None] = {}
        self._place = place

    def __enter__(self) -> Self:
        self._before = sys.gettrace(), threading.gettrace()
        threading.settrace(self._enter_frame)
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *_exception: object) -> None:
        sys.settrace(self._before[0])
        threading.settrace(self._before[1])

    def _enter_frame(self, frame: FrameType, _event: str, _argument: object) -> Any:  # noqa: ANN401 -- as in typeshed
        return self._run_line if frame.f_code.co_filename in FILES else None

    def _run_line(self, frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 -- likewise
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line":
            self.executed[place] = None
            if place == self._place:
                self._place = None
                raise MemoryError
        return self._run_line


class Run:
    """A function that all documents change under, while an exception is raised at a place."""

    def __init__(self, place: Place | None) -> None:
        storage, clock = Memory(), Clock()
        storage.put("rules.json", RULES % b"nobody")
        storage.put("truststore.pem", CA.pem + OTHER.pem)
        storage.put("other.crl", crl(1, 2, ca=OTHER))
        for part in range(1, 5):
            storage.put(f"crl/{part}.crl", partition(part, 10 * part + 2))
        storage.put("crl/namesake.crl", partition(None, ca=NAMESAKE))
        loaded = load_settings(
            {
                "AUTHORIZER_RULES_URI": storage.uri("rules.json"),
                "TRUSTSTORE_URI": storage.uri("truststore.pem"),
                "CRL_URIS": f"{storage.uri('other.crl')},{storage.uri('crl/')}",
                "CRL_REFRESH_SECONDS": str(INTERVAL),
            }
        )
        authorizer = EventAuthorizer(make_live(storage, loaded, clock=clock))
        self.before = authorizer.deny_reasons(*CERTIFICATES)
        storage.put("rules.json", RULES % b"other")
        storage.put("truststore.pem", CA.pem + OTHER.pem + NAMESAKE.pem)
        storage.put("other.crl", crl(2, 1, 2, ca=OTHER))
        storage.put("crl/1.crl", partition(1, 11, 12, number=2))
        clock.advance(INTERVAL)
        self.meanwhile: list[str | None] = [UNKNOWN] * len(CERTIFICATES)
        with Tracing(place) as tracing:
            for number, certificate in enumerate(CERTIFICATES):
                with suppress(MemoryError):
                    self.meanwhile[number] = authorizer.deny_reason(certificate)
        self.executed = list(tracing.executed)
        clock.advance(INTERVAL)
        self.after = authorizer.deny_reasons(*CERTIFICATES)


@pytest.fixture(scope="module", autouse=True)
def _small_prefixes_are_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtls_authorizer.revocation.prefix.catalog.LOADED_COMPLETELY", 2)
        patch.setattr("mtls_authorizer.revocation.prefix.cache.MAX_CRLS", 3)
        yield
        join_attempts()


@pytest.fixture(scope="module")
def undisturbed() -> Run:
    run = Run(None)
    assert [reason is None for reason in run.before] == [True, False, True, True, False, True, False]
    assert [reason is None for reason in run.after] == [False, False, False, False, False, True, True]
    assert run.meanwhile == run.after
    return run


@given(st.data())
def test_later_requests_are_answered_as_if_no_exception_had_been_raised(undisturbed: Run, data: st.DataObject) -> None:
    disturbed = Run(data.draw(st.sampled_from(undisturbed.executed)))
    assert disturbed.after == undisturbed.after
    for answers in zip(disturbed.meanwhile, undisturbed.before, undisturbed.after, strict=True):
        assert answers[0] in {*answers[1:], UNKNOWN}
