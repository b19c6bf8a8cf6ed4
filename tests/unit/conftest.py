"""Unit tests are the inner loop (``make test-unit``): they use no sockets, start no processes and don't sleep."""

from tests.tooling.isolation import pytest_runtest_call, pytest_runtest_setup

__all__ = ["pytest_runtest_call", "pytest_runtest_setup"]
