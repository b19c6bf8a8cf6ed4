"""Where the rules document of a function is stored, from options and variables: for commands that change it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer.stores.uri import Scheme
from mtls_authorizer_cli.command_line import CommandError, shown_file, written_file
from mtls_authorizer_cli.configuration.loading import RULES, RULES_URI, parse_location, read_settings_with
from mtls_authorizer_cli.configuration.variables import add_options as add_function_options
from mtls_authorizer_cli.configuration.variables import read_environment
from mtls_authorizer_cli.documents.document import rules_of
from mtls_authorizer_cli.documents.update import update_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.documents.update import Change, Update

_TRUSTSTORE = ("--truststore", "BUNDLE")
_AT_A_URI = (
    f"Rules at a URI (s3:// or ssm://, in {RULES_URI}) can be changed without a deployment: see "
    "docs/block-a-client-now.md"
)


class RulesLocation(NamedTuple):
    """The location of a rules document, and the settings of the function that reads it.

    ``option`` contains the options that name the same function and document in other commands.
    """

    location: str
    settings: Settings
    option: tuple[str, ...]

    @property
    def refresh_seconds(self) -> int:
        """The interval at which the function reloads the document."""
        return self.settings.rules_refresh_seconds

    def update(self, edit: Callable[[str], str], review: Callable[[Change], bool]) -> Update:
        """Change the document, as ``update_document``. Raises CommandError."""
        settings = self.settings
        return update_document(self.location, edit, settings.s3_bucket_owner, review, other_rules=settings.rules)

    def explain_command(self, file: str, truststore: Sequence[str] = ()) -> str:
        """Return the command that explains a decision, for a shell. ``truststore`` is an option of it, if it is needed.

        ``file`` is the certificate as a word of the command.
        """
        return f"mtls-authorizer explain {file} {shlex.join((*self.option, *truststore))}"

    def truststore_option(self, document: str) -> tuple[str, ...]:
        """Return the option to complete if a document names keys of issuers, and nothing named the truststore."""
        named = self.settings.truststore_uri is not None or self.option[0] != "--rules"
        return () if named or not any(rule.uses(ISSUER_KEY) for rule in rules_of(document)) else _TRUSTSTORE


def add_options(parser: Parser) -> None:
    """Add ``--rules``, ``--function`` and ``--env-file``."""
    parser.add_argument(
        "--rules",
        metavar="LOCATION",
        type=written_file,
        help=f"the rules document: a file, s3://bucket/key or ssm:///parameter (default: {RULES_URI} of the function, "
        "of the file, or of the shell)",
    )
    add_function_options(parser)


def find_rules(options: argparse.Namespace, environment: Mapping[str, str]) -> RulesLocation:
    """Return the location of the rules document that the options or variables name. Raises CommandError."""
    environment = read_environment(options, environment)
    location = options.rules or _stored_location(options, environment)
    scheme, _ = parse_location(location)
    # Unlike the variable, the option can be a relative path.
    uri = "file:///rules" if options.rules and scheme is Scheme.FILE else location
    settings = read_settings_with(uri, environment)
    return RulesLocation(location, settings, _option(options, location))


def _option(options: argparse.Namespace, location: str) -> tuple[str, ...]:
    """Return the options that name the same rules and variables in other commands."""
    named = ("--function", options.function) if options.function else ("--env-file", options.env_file)
    variables = named if named[1] else ()
    return variables if variables and not options.rules else (*variables, "--rules", location)


def _stored_location(options: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """Return the location in the variables. Raises CommandError if the document cannot be changed there."""
    of_function = f" of the function {options.function}" if options.function else ""
    location = environment.get(RULES_URI, "").strip()
    if location.startswith("file:") and options.function:
        message = (
            f"{RULES_URI}{of_function} is {location}, a file in its package: change the file there with --rules FILE, "
            f"and deploy the function. {_AT_A_URI}"
        )
        raise CommandError(message)
    if location:
        return location
    if environment.get(RULES, "").strip():
        message = (
            f"the rules are in the variable {RULES}{of_function}, which only a deployment can change: save them to a "
            f"file, run the command with --rules FILE, and deploy the file as {RULES}. {_AT_A_URI}"
        )
        raise CommandError(message)
    place = shown_file(options.env_file) if options.env_file else "the environment"
    where = f"for the function {options.function}" if options.function else f"in {place}"
    function = "" if options.function or options.env_file else "the function with --function NAME, or "
    message = (
        f"no rules document: {RULES_URI} is not set {where}. Name {function}the document with --rules LOCATION. "
        f"{_AT_A_URI}"
    )
    raise CommandError(message)
