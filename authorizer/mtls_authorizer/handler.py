"""The Lambda function's entry point, ``mtls_authorizer.handler.handler``.

The configuration is read when the module is imported, so that one that can't be read stops the function at start-up.
"""

from __future__ import annotations

import logging
import os

from mtls_authorizer.authorizer import make_live_authorizer
from mtls_authorizer.policy.current_policy import LiveConfiguration
from mtls_authorizer.policy.settings import load_configuration
from mtls_authorizer.telemetry.decision_log import logger

if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
    # Nobody has chosen a level, and Python's would be WARNING, which leaves out who was let in.
    logger.setLevel(logging.INFO)

_live = LiveConfiguration(load_configuration(os.environ))
_authorize = make_live_authorizer(_live)

if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    # Lambda's runtimes have it. What was read for the snapshot may be old by the time that it is restored.
    from snapshot_restore_py import register_after_restore

    register_after_restore(_live.restore)


def handler(event: object, _context: object) -> dict[str, object]:
    """Answer an event of API Gateway. Raises Unauthorized (401) and UnsupportedEventError (500)."""
    return _authorize(event)
