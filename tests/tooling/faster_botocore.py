"""A botocore that takes less time in processes that run tests."""

from __future__ import annotations

from functools import cache

from tests.tooling.tracing import not_traced


@cache
def make_botocore_faster() -> None:
    """Measure no coverage in botocore, and read each of its files once in this process, not once for each session."""
    # A second to import, which unit tests don't spend.
    from botocore.client import BaseClient  # noqa: PLC0415 -- see above
    from botocore.loaders import JSONFileLoader  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    # All operations call _make_api_call.
    for owner, method in ((BaseClient, "_make_api_call"), (Session, "create_client")):
        setattr(owner, method, not_traced()(getattr(owner, method)))
    # Clients of one session share what it has read, too.
    load_file = staticmethod(cache(JSONFileLoader().load_file))
    JSONFileLoader.load_file = load_file  # type: ignore[method-assign]  # the same for all loaders
