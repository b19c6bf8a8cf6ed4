"""The Lambda function's entry point, ``mtls_authorizer.handler.handler``.

The settings are read when the module is imported: a function with invalid settings does not start.
"""

from __future__ import annotations

import os

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.log import choose_level
from mtls_authorizer.policy.allowlist_warnings import log_allowlist_warnings
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.policy.settings import Settings


def _log_warnings(settings: Settings) -> None:
    """Log warnings about settings that are valid, but probably mean something else than intended."""
    if settings.trusts_any_bucket_owner:
        from mtls_authorizer.stores.bucket_owner import warn_of_unverified_owner  # noqa: PLC0415 -- only if needed

        warn_of_unverified_owner()
    log_allowlist_warnings(os.environ)
    if "AUTHORIZER_RULES" in os.environ or "AUTHORIZER_SHADOW_RULES" in os.environ:
        from mtls_authorizer.policy.rule_warnings import log_inline_rule_warnings  # noqa: PLC0415 -- likewise

        log_inline_rule_warnings(os.environ)


choose_level()
_settings = load_settings(os.environ)
_log_warnings(_settings)
_current_policy = CurrentPolicy(_settings)
_authorizer = Authorizer(_settings, _current_policy)

if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    # Lambda's runtimes contain this module. The documents in a snapshot may be outdated when it is restored.
    from snapshot_restore_py import register_after_restore

    register_after_restore(_current_policy.restore)


def handler(event: object, _context: object) -> dict[str, object]:
    """Return the response to an authorizer's event. Raises Unauthorized (401) and UnsupportedEventError (500)."""
    return _authorizer.authorize(event)
