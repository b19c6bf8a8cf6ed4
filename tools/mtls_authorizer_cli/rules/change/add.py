"""``mtls-authorizer rules add``: a rule for the client of one certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.review import add_options as add_review_options
from mtls_authorizer_cli.rules.change.client_rule import client_rule_of
from mtls_authorizer_cli.rules.change.new_rules import NewRule, problems_of
from mtls_authorizer_cli.rules.change.target import add_options, read_target
from mtls_authorizer_cli.rules.change.writing import EXIT_STATUSES, write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from mtls_authorizer_cli.command_line import Parser, Subparsers


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "add",
        help="add a rule for the client of a certificate",
        description="Add a rule for the client of a certificate: the narrowest one that still matches after a renewal. "
        "Shows the change and asks before it writes.",
        epilog=EXIT_STATUSES,
    )
    parser.add_argument("--from-cert", metavar="FILE", required=True, help="the client's certificate (PEM or DER)")
    parser.add_argument("--name", required=True, help="the name of the rule, which appears in the log")
    routes = parser.add_mutually_exclusive_group(required=True)
    routes.add_argument(
        "--allow", metavar="'GET /path'", action="append", help="a route that the client may call; repeat it for more"
    )
    routes.add_argument("--allow-all-routes", action="store_true", help="the client may call all routes")
    parser.add_argument(
        "--context",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a value for the integration; repeat it for more",
    )
    parser.add_argument("--description", metavar="TEXT", help="a comment in the rule")
    add_options(parser)
    add_review_options(parser)
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Add the rule and return the exit status. Raises CommandError."""
    target = read_target(options, environment)
    client = client_rule_of(options.from_cert, target.trust, target.settings, datetime.now(UTC))
    rule = {
        "name": options.name,
        **({} if options.description is None else {"description": options.description}),
        **client.keys,
        **({} if options.allow_all_routes else {"allow": options.allow}),
        **({"context": _context(options.context)} if options.context else {}),
    }
    problems = [f"--{option}: {problem}" for option, problem in problems_of(rule)]
    if problems:
        raise CommandError("; ".join(problems))
    return write(target, [NewRule(rule, "--name", client.certificate)], client.warnings, options)


def _context(items: Sequence[str]) -> dict[str, str]:
    context: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or key in context:
            message = f"--context {item!r}: write each key once, with its value: tenant=acme"
            raise CommandError(message)
        context[key] = value
    return context
