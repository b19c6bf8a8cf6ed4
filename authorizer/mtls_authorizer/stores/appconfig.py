"""Documents in AWS AppConfig."""

from __future__ import annotations

import hashlib
from contextlib import closing

from botocore.exceptions import ClientError

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.clock import elapsed_seconds
from mtls_authorizer.stores.aws import error_code, read_body, store_errors
from mtls_authorizer.stores.store import Fetched, StoreError, Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtls_authorizer.stores.aws import AwsClient

MIN_POLL_SECONDS = 15
"""The interval between two calls of a session that the store asks for. AppConfig accepts no shorter one."""

_DENIED = "missing permission: appconfig:StartConfigurationSession or appconfig:GetLatestConfiguration"


class _Session(NamedTuple):
    """The state of a session: the token of its next call, the version it delivered last, and the time of that call."""

    token: str
    delivered: str
    call_at: float


class _Polling:
    """The session to continue, if there is one."""

    session: _Session | None = None


class AppConfigStore:
    """A configuration that AppConfig has deployed, read without AppConfig's Lambda extension.

    AppConfig remembers what it has delivered in a session, and delivers it once. A token is valid for one call and for
    24 hours. Therefore a session continues only from the version that the caller has, and any failure ends it.
    ``clock`` returns seconds and never goes back.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- as all stores, and the clock
        self,
        uri: str,
        client: AwsClient,
        parts: Sequence[str],
        max_bytes: int,
        timeouts: Timeouts,
        clock: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self.uri = uri
        self._client = client
        self._application, self._environment, self._profile = parts
        self._max_bytes = max_bytes
        self._timeouts = timeouts
        self._clock = clock
        self._polling = _Polling()

    def fetch(self, version: str | None, /) -> Fetched | None:
        """Return the configuration, or None if it is unchanged or may not be requested yet. Raises StoreError."""
        polling = self._polling
        session, polling.session = polling.session, None
        with store_errors(self.uri, self._timeouts, _DENIED):
            if session is not None and session.delivered == version:
                if self._clock() < session.call_at:
                    polling.session = session
                    return None
                try:
                    return self._call(polling, session.token, version)
                except ClientError as error:
                    if error_code(error) != "BadRequestException":  # the answer to an expired token
                        raise
            fetched = self._call(polling, self._start(), None)
        return None if fetched is None or fetched.version == version else fetched

    def reset(self) -> None:
        """Forget the session, and the time before which AppConfig must not be called again; close the connections.

        A fetch that is running continues with the state that it started with, and cannot restore it.
        """
        self._polling = _Polling()
        self._client.close()

    def _start(self) -> str:
        answer = self._client.start_configuration_session(
            ApplicationIdentifier=self._application,
            EnvironmentIdentifier=self._environment,
            ConfigurationProfileIdentifier=self._profile,
            RequiredMinimumPollIntervalInSeconds=MIN_POLL_SECONDS,
        )
        token: str = answer["InitialConfigurationToken"]
        return token

    def _call(self, polling: _Polling, token: str, delivered: str | None) -> Fetched | None:
        """Return the configuration that the session delivers; None if there is no new one."""
        began = self._clock()
        answer = self._client.get_latest_configuration(ConfigurationToken=token)
        with closing(answer["Configuration"]) as body:
            content = read_body(body, self.uri, self._max_bytes)
        fetched = Fetched(content, _version(content, answer.get("VersionLabel"))) if content else None
        current = fetched.version if fetched else delivered
        if current is None:
            raise StoreError(self.uri, "AppConfig delivers an empty configuration")
        ended = self._clock()
        # After a longer call, during which the function was frozen, the answer may be old: the next fetch calls again.
        if ended - began < MIN_POLL_SECONDS:
            call_at = ended + answer["NextPollIntervalInSeconds"]
            polling.session = _Session(answer["NextPollConfigurationToken"], current, call_at)
        return fetched


def _version(content: bytes, label: str | None) -> str:
    # AppConfig identifies versions only by labels, and not every version has one.
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return f"{label} {digest}" if label else digest
