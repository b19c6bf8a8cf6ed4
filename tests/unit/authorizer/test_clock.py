"""The clock of intervals: what it does while its two clocks advance, stand still and are set."""

from __future__ import annotations

import inspect
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.clock import IntervalClock, elapsed_seconds
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.stores import appconfig, aws
from tests.clocks import Clock

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([(60, 60), (1, 1)], [60, 61], id="both advance"),
        pytest.param([(0, 3600), (1, 1)], [3600, 3601], id="the monotonic clock stands still"),
        pytest.param([(60, 0), (60, 0)], [60, 120], id="the system's clock stands still"),
        pytest.param([(60, -86_400), (0, 3600), (1, 1)], [60, 3660, 3661], id="the system's clock is put back"),
        pytest.param([(1, 86_401), (1, -86_399), (60, 60)], [86_401, 86_402, 86_462], id="it is put forward and back"),
        pytest.param([(-5, -5), (60, 60)], [0, 60], id="both go back, as a snapshot may make them"),
    ],
)
def test_it_advances_as_much_as_the_faster_clock(steps: list[tuple[float, float]], expected: list[float]) -> None:
    monotonic, system = Clock(), Clock()
    clock = IntervalClock(monotonic, system)
    times = []
    for of_monotonic, of_system in steps:
        monotonic.advance(of_monotonic)
        system.advance(of_system)
        times.append(clock())
    assert times == expected


def test_no_time_is_lost_or_counted_twice_if_threads_ask_at_the_same_time() -> None:
    monotonic, system = Clock(), Clock()

    def advancing() -> float:
        monotonic.advance(1)
        now = monotonic()
        time.sleep(0)  # another thread runs
        return now

    clock = IntervalClock(advancing, system)
    with ThreadPoolExecutor(4) as threads:
        times = list(threads.map(lambda _: clock(), range(400)))
    assert sorted(times) == list(range(1, 401))


@pytest.mark.parametrize("function", [Refresher, appconfig.AppConfigStore, aws._idle_closer])  # noqa: SLF001 -- all users
def test_every_interval_is_measured_by_this_clock(function: Callable[..., object]) -> None:
    assert inspect.signature(function).parameters["clock"].default is elapsed_seconds
