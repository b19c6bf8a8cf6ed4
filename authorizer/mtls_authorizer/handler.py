"""The Lambda function's entry point, ``mtls_authorizer.handler.handler``.

The configuration is read when the module is imported, so that one that can't be read stops the function at start-up.
"""

from __future__ import annotations

import logging
import os

from mtls_authorizer.authorizer import logger, make_authorizer
from mtls_authorizer.configuration import load_configuration

if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
    # Nobody has chosen a level, and Python's would be WARNING, which leaves out who was let in.
    logger.setLevel(logging.INFO)

_authorize = make_authorizer(load_configuration(os.environ))


def handler(event: object, _context: object) -> dict[str, object]:
    """Answer an event of API Gateway. Raises Unauthorized (401) and UnsupportedEventError (500)."""
    return _authorize(event)
