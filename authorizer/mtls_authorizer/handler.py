"""The Lambda function's entry point, ``mtls_authorizer.handler.handler``.

The settings are read when the module is imported: a function with invalid settings does not start.
"""

from __future__ import annotations

import os

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.log import choose_level, get_logger
from mtls_authorizer.policy.allowlist_warnings import allowlist_warnings
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings

choose_level()
_settings = load_settings(os.environ)
if _settings.trusts_any_bucket_owner:
    from mtls_authorizer.stores.bucket_owner import warn_of_unverified_owner

    warn_of_unverified_owner()
for _warning in allowlist_warnings(os.environ):
    get_logger().warning(_warning.message.value, extra=_warning.fields())
if "AUTHORIZER_RULES" in os.environ or "AUTHORIZER_SHADOW_RULES" in os.environ:
    from mtls_authorizer.policy.rule_warning_log import log_inline_rule_warnings

    log_inline_rule_warnings(os.environ)
_current_policy = CurrentPolicy(_settings)
_authorizer = Authorizer(_settings, _current_policy)

if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    # Lambda's runtimes contain this module. The documents in a snapshot may be outdated when it is restored.
    from snapshot_restore_py import register_after_restore

    register_after_restore(_current_policy.restore)


def handler(event: object, _context: object) -> dict[str, object]:
    """Return the response to an authorizer's event. Raises Unauthorized (401) and UnsupportedEventError (500)."""
    return _authorizer.authorize(event)
