"""``mtls-authorizer doctor``: mistakes in a truststore, in certificates, in a configuration, and on AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES
from mtls_authorizer_cli.api_names import api_id, domain_name
from mtls_authorizer_cli.certificates.files import read_certificates
from mtls_authorizer_cli.command_line import (
    CommandError,
    ExitStatus,
    command_errors,
    exit_statuses,
    read_file,
    shown_file,
    write_output,
)
from mtls_authorizer_cli.configuration.variables import read_env_file
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, NotChecked, combine
from mtls_authorizer_cli.doctor.offline.certificates import examine_certificates
from mtls_authorizer_cli.doctor.offline.environment import examine_environment
from mtls_authorizer_cli.doctor.offline.truststore import examine_truststore
from mtls_authorizer_cli.doctor.report import as_json, as_text
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers

_RULES_URIS = ("AUTHORIZER_RULES_URI", "AUTHORIZER_SHADOW_RULES_URI")
_LARGEST_TRUSTSTORE = 10 * MAX_TRUSTSTORE_BYTES
"""In bytes: a truststore that is too large for API Gateway is a finding, and still read."""


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "doctor",
        help="find mistakes in a truststore, in certificates, in the configuration, and on AWS",
        description="Find mistakes: offline in a truststore, in clients' certificates and in the authorizer's "
        "variables; on AWS, with read-only calls, in an API, its domain names and the authorizer's function.",
        epilog=exit_statuses("if nothing was found", "if there are findings"),
    )
    parser.add_argument(
        "certificates",
        metavar="CERT",
        nargs="*",
        help="clients' certificates (PEM or DER), or folders of them, to compare with the truststore",
    )
    parser.add_argument("--truststore", metavar="FILE", help="the truststore of a custom domain, a PEM bundle")
    parser.add_argument("--api", metavar="ID", type=api_id, help="examine this API on AWS")
    parser.add_argument(
        "--domain", metavar="NAME", type=domain_name, help="examine this custom domain name and its APIs on AWS"
    )
    parser.add_argument(
        "--function",
        metavar="NAME[:ALIAS]",
        help="examine this function on AWS, a name or ARN; with --api or --domain, it is the authorizer's function",
    )
    parser.add_argument(
        "--env-file",
        metavar="FILE",
        help="the authorizer's variables: NAME=value lines, or the JSON of aws lambda get-function-configuration",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what was found, and return the exit status. Raises CommandError."""
    del environment  # of the shell: --env-file and --function name the authorizer's variables
    if options.certificates and not options.truststore:
        message = "certificates are compared with a truststore: name it with --truststore"
        raise CommandError(message)
    if not any((options.truststore, options.api, options.domain, options.function, options.env_file)):
        message = "nothing to examine: name --truststore, --env-file, --api, --domain or --function"
        raise CommandError(message)
    with Progress() as progress:
        diagnoses = [*_offline(options, progress), *_live(options, progress)]
    diagnosis = combine(*diagnoses)
    write_output(as_json(diagnosis) if options.json else as_text(diagnosis))
    return ExitStatus.NEGATIVE if diagnosis.findings else ExitStatus.SUCCESS


def _live(options: argparse.Namespace, progress: Progress) -> Iterator[Diagnosis]:
    if options.api or options.domain or options.function:
        # Imports boto3, which takes half a second.
        from mtls_authorizer_cli.doctor.live.diagnosis import examine_aws  # noqa: PLC0415 -- see above

        yield examine_aws(options.api, options.domain, options.function, progress)


def _offline(options: argparse.Namespace, progress: Progress) -> Iterator[Diagnosis]:
    now = datetime.now(UTC)
    if options.truststore:
        content = read_file(options.truststore, largest=_LARGEST_TRUSTSTORE, expected="a truststore, which is smaller")
        name = shown_file(options.truststore)
        with command_errors(f"{name}: ", ValueError):
            bundle, examined = examine_truststore(name, content, now)
        yield examined
        if options.certificates:
            files = read_certificates(options.certificates)
            watched = progress.watch(files, "certificates", len(files), every=20)
            yield examine_certificates(watched, bundle, now)
    if options.env_file:
        name, variables = shown_file(options.env_file), read_env_file(options.env_file)
        yield examine_environment(name, variables)
        uris = [variable for variable in _RULES_URIS if variable in variables]
        if uris:
            reason = f"{' and '.join(uris)} of {name}: check the document with mtls-authorizer rules check"
            yield Diagnosis(not_checked=(NotChecked(Check.RULES_DOCUMENT, reason, None),))
