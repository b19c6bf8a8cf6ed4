"""The command. Progress and errors go to standard error, the ARNs to standard output and to a file."""

from __future__ import annotations

import argparse
import json
import re
import sys
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from distribution.errors import DistributionError
from distribution.project import VERSION
from distribution.publisher.archives import read_archives
from distribution.publisher.clients import connect, find_unreachable
from distribution.publisher.grants import PUBLIC, Grant
from distribution.publisher.publishing import bring_up_to_date, plan, publish_arn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distribution.publisher.archives import Archive
    from distribution.publisher.clients import Region

# Failures of one layer in one region: botocore's for network, credentials and Lambda, OSError for the download.
_FAILURES = (BotoCoreError, ClientError, DistributionError, OSError)

NEXT_STEPS = {
    "UnrecognizedClientException": "check the credentials, and that the region is enabled for your account",
    "ExpiredTokenException": "sign in again",
}
"""What to do about some of AWS's error codes."""


def main(arguments: Sequence[str]) -> int:
    """Publish the layer to the regions in the arguments, and return the exit status: 0, or 1 if anything failed.

    Without regions it returns 2. Raises SystemExit with status 2 for other invalid arguments.
    """
    options = _parser().parse_args(arguments)
    if not options.regions:
        _tell('name the regions to publish to: make publish REGIONS="eu-central-1 us-east-1"')
        return 2
    try:
        archives = read_archives(options.build)
        regions = connect(options.regions, ssm=options.ssm_parameters)
    except NoCredentialsError:
        _tell("there are no AWS credentials: set AWS_PROFILE, or sign in with `aws login` or `aws sso login`")
        return 1
    except (DistributionError, BotoCoreError) as error:
        _tell(error)
        return 1
    published, failed = _publish_all(regions, archives, options)
    if not options.dry_run:
        failed += _report(published, options.build / "layer-arns.json")
    if failed:
        _tell(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m distribution.publisher",
        description="Publish the layer that `make layer` built, for every architecture that a region does not have.",
    )
    parser.add_argument("regions", nargs="*", metavar="region", help="a region to publish to, such as eu-central-1")
    grants = parser.add_mutually_exclusive_group()
    grants.add_argument(
        "--public",
        dest="grant",
        action="store_const",
        const=PUBLIC,
        help="allow every AWS account to use the layer; by default, only your own account may",
    )
    grants.add_argument(
        "--organization",
        dest="grant",
        type=_organization,
        metavar="o-…",
        help="allow the accounts of an AWS organization to use it",
    )
    parser.add_argument(
        "--ssm-parameters",
        action="store_true",
        help="write the ARNs to /client-certificate-auth/<architecture>/<version> and …/latest in Parameter Store",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the changes without making them")
    parser.add_argument(
        "--build", type=Path, default=Path("build"), metavar="folder", help="the folder with the zip files"
    )
    return parser


def _organization(text: str) -> Grant:
    if not re.fullmatch(r"o-[a-z0-9]{10,32}", text):  # the pattern in the API reference
        message = f"{text!r} is not the identifier of an organization, such as o-a1b2c3d4e5"
        raise argparse.ArgumentTypeError(message)
    return Grant(text)


def _publish_all(
    regions: Sequence[Region], archives: Sequence[Archive], options: argparse.Namespace
) -> tuple[list[dict[str, str]], list[str]]:
    """Publish to all regions, and return the lines of the result and the places where it has failed."""
    published: list[dict[str, str]] = []
    failed: list[str] = []
    for name, unreachable in find_unreachable(regions).items():
        _tell(f"{name}: failed: {unreachable}")
        failed.append(name)
    for region, archive in product(regions, archives):
        if region.name in failed:
            continue
        place = f"{region.name} {archive.architecture}"
        try:
            published += _publish(region, archive, options, place)
        except _FAILURES as error:
            _tell(f"{place}: failed: {error}{_next_step(error)}")
            failed.append(place)
        except KeyError as error:
            _tell(f"{place}: failed: the answer has no {error}: a proxy may have answered instead of AWS")
            failed.append(place)
    return published, failed


def _publish(region: Region, archive: Archive, options: argparse.Namespace, place: str) -> list[dict[str, str]]:
    """Publish an archive and return its line of the result, as in JSON; a dry run has none."""
    client = region.lambda_client
    parameters = region.ssm_client
    if options.dry_run:
        _tell(f"{place}: {plan(client, archive, options.grant, parameters)}")
        return []

    def tell(step: str) -> None:
        _tell(f"{place}: {step}")

    layer_version = bring_up_to_date(client, archive, options.grant, tell)
    if parameters:
        publish_arn(parameters, archive, layer_version, tell)
    line = {"region": region.name, "architecture": archive.architecture.value}
    return [{**line, "arn": layer_version.arn, "code_sha256": archive.sha256}]


def _next_step(error: Exception) -> str:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return f" ({NEXT_STEPS[code]})" if code in NEXT_STEPS else ""


def _report(published: Sequence[Mapping[str, str]], file: Path) -> list[str]:
    """Print the result, and write it to a file. Returns what has failed."""
    try:
        # First, in case that the file cannot be written.
        for layer in published:
            print(f"{layer['region']:<16}{layer['architecture']:<8}{layer['arn']}", flush=True)
        file.write_text(json.dumps({"version": VERSION, "layers": published}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        _tell(error)
        return [file.name]
    return []


def _tell(what: object) -> None:
    """Print one line, even if an error's text has several. Raises nothing: nobody needs to read it."""
    with suppress(OSError):
        print(" ".join(str(what).split()), file=sys.stderr, flush=True)
