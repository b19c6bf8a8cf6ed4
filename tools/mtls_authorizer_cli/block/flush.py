"""Flushing the authorizer cache of stages in API Gateway, once all execution environments have reloaded the rules."""

from __future__ import annotations

import argparse
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.document.request_limits_validation import API_ID
from mtls_authorizer_cli.command_line import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.progress import Progress

MARGIN_SECONDS = 2
"""The time for decisions that began under the old rules to finish."""

_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}|\$default")
_HINTS = {"NotFoundException": "there is no such API or stage in the region of the function"}
_DENIED = "you lack apigateway:DELETE for the stage's cache/authorizers"


class Stage(NamedTuple):
    """A stage of a REST API or an HTTP API."""

    is_rest: bool
    api_id: str
    name: str

    def __str__(self) -> str:
        return f"{'REST' if self.is_rest else 'HTTP'} API {self.api_id}, stage {self.name}"


class Flushed(NamedTuple):
    """A stage, and why its cache was not flushed; None if it was."""

    stage: Stage
    problem: str | None


def add_options(parser: Parser) -> None:
    """Add the options that name stages."""
    parser.add_argument(
        "--flush-rest-api",
        metavar="ID/STAGE",
        dest="stages",
        action="append",
        default=[],
        type=partial(_stage, is_rest=True),
        help="flush the authorizer cache of this stage of a REST API, once all environments have reloaded the rules; "
        "repeat it for more",
    )
    parser.add_argument(
        "--flush-http-api",
        metavar="ID/STAGE",
        dest="stages",
        action="append",
        type=partial(_stage, is_rest=False),
        help="the same for an HTTP API, such as 'a1b2c3d4e5/$default'",
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="flush without waiting for the reload; flush again after it"
    )


def wait_for_reload(seconds: float, progress: Progress, sleep: Callable[[float], None]) -> None:
    """Wait until the rules are reloaded everywhere, and show the progress."""
    total = seconds + MARGIN_SECONDS
    waited = 0.0
    while waited < total:
        progress.show(f"waiting for the reload, {total - waited:.0f} s (Ctrl-C: do not flush)", waited / total)
        step = min(1.0, total - waited)
        sleep(step)
        waited += step


def flush(stage: Stage) -> Flushed:
    """Flush the authorizer cache of a stage. Raises nothing."""
    from mtls_authorizer_cli.aws import aws_errors, make_client  # noqa: PLC0415 -- imports boto3

    try:
        client = make_client("apigateway" if stage.is_rest else "apigatewayv2")
        with aws_errors(str(stage), _HINTS, _DENIED):
            if stage.is_rest:
                answer = client.flush_stage_authorizers_cache(restApiId=stage.api_id, stageName=stage.name)
            else:
                answer = client.reset_authorizers_cache(ApiId=stage.api_id, StageName=stage.name)
            # The answers are empty. A proxy's page is no answer of AWS.
            _ = answer["ResponseMetadata"]["RequestId"]
    except CommandError as error:
        return Flushed(stage, str(error).removeprefix(f"{stage}: "))
    return Flushed(stage, None)


def _stage(text: str, *, is_rest: bool) -> Stage:
    api_id, slash, name = text.partition("/")
    if not slash or not API_ID.fullmatch(api_id) or not _STAGE.fullmatch(name):
        message = f"{text!r} is not an API ID and a stage: write them like a1b2c3d4e5/live"
        raise argparse.ArgumentTypeError(message)
    return Stage(is_rest, api_id, name)
