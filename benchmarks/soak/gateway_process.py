"""The local gateway as a process of its own, for the load test: a REST API and an HTTP API, over TLS.

It prints their ports on one line, and then the log that the function would write. It ends when its standard input does.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from awslambdaric.lambda_runtime_log_utils import JsonFormatter  # type: ignore[import-untyped]

from examples import behind_the_authorizer
from local_gateway.api_gateway.api import ApiKind, Route
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.deployment import make_authorizer, sample_api
from local_gateway.pki.certificates import Pki
from local_gateway.server import serve
from local_gateway.tls import custom_domain_context, default_endpoint_context
from mtls_authorizer.log import get_logger

KINDS = (ApiKind.REST, ApiKind.HTTP_SIMPLE)
_ROUTES = (Route("ANY", "/{proxy+}", behind_the_authorizer.handler),)
_LONGEST_SECONDS = 2 * 60 * 60


def main(folder: str, log: str) -> None:
    """Serve the APIs with the certificates in a folder, under the configuration in the environment."""
    signal.alarm(_LONGEST_SECONDS)
    pki = Pki(Path(folder))
    with ExitStack() as servers:
        ports = {}
        for kind in KINDS:
            gateway = Gateway(replace(sample_api(kind, make_authorizer(kind, os.environ)), routes=_ROUTES))
            contexts = (custom_domain_context(pki, pki.truststore), default_endpoint_context(pki))
            ports[kind.value] = [servers.enter_context(serve(gateway, context)) for context in contexts]
        _log_to(log, json.dumps(ports))
        sys.stdin.read()


def _log_to(path: str, final_line: str) -> None:
    """Print a last line, and turn standard output into a log as on Lambda."""
    print(final_line, flush=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, sys.stdout.fileno())
    os.close(file)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    handler.terminator = ""  # the formatter ends its lines
    get_logger().addHandler(handler)
    get_logger().setLevel(logging.INFO)


if __name__ == "__main__":
    main(*sys.argv[1:])
