import pytest


@pytest.fixture(autouse=True)
def read_files_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let file stores not wait after a file was written, which unit tests have done just before a command reads it."""
    monkeypatch.setattr("mtls_authorizer.stores.file._STEP_SECONDS", 0)
