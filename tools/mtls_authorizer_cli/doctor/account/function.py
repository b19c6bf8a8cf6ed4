"""The authorizer's function: its configuration, the rules that it uses, and commands that change it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mtls_authorizer.policy.settings import Settings, SettingsError, load_settings
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT, RulesError, parse_rules
from mtls_authorizer_cli.aws import in_region
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.configuration.loading import make_rule_set, read_location
from mtls_authorizer_cli.doctor.account.aws import UnavailableError, Variable, command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.configuration.function_arn import FunctionArn
    from mtls_authorizer_cli.doctor.account.aws import Aws

HANDLER = "mtls_authorizer.handler.handler"


class Function:
    """A function, alias or version. Everything about it is read when it is needed, and can raise UnavailableError."""

    def __init__(self, aws: Aws, arn: FunctionArn) -> None:
        self._aws = aws
        self.arn = arn

    def __str__(self) -> str:
        return f"function {self.arn.name}" + (f":{self.arn.qualifier}" if self.arn.qualifier else "")

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Its configuration."""
        return self._aws.get("lambda", "get_function_configuration", **self.arn.request)

    @property
    def latest_configuration(self) -> Mapping[str, Any]:
        """The configuration of its unpublished version."""
        return self._aws.get("lambda", "get_function_configuration", FunctionName=self.arn.unqualified)

    @property
    def environment(self) -> Mapping[str, str]:
        """Its environment variables."""
        environment = self.configuration.get("Environment", {})
        if "Error" in environment:
            reason = f"Lambda cannot decrypt the variables: {environment['Error'].get('ErrorCode')}"
            raise UnavailableError(reason, f"kms:Decrypt on {self.configuration.get('KMSKeyArn')}")
        variables: Mapping[str, str] = environment.get("Variables", {})
        return variables

    @cached_property
    def settings(self) -> Settings:
        """Its settings."""
        try:
            return load_settings(self.environment)
        except SettingsError as error:
            reason = "the variables of the function are invalid"
            raise UnavailableError(reason) from error

    @cached_property
    def rules_document(self) -> bytes | None:
        """The document at AUTHORIZER_RULES_URI as it is now, None without one."""
        settings = self.settings
        if settings.rules_uri is None:
            return None
        if settings.rules_uri.startswith("file:"):
            reason = f"the rules are a file of the function: {settings.rules_uri}"
            raise UnavailableError(reason)
        try:
            with in_region(self.arn.region):
                return read_location(settings.rules_uri, settings, LARGEST_DOCUMENT)
        except CommandError as error:
            reason = f"the rules of the function cannot be read: {error}"
            raise UnavailableError(reason) from error

    @cached_property
    def rules(self) -> RuleSet:
        """The rules of its variables and of the document."""
        document = self.rules_document
        try:
            return make_rule_set(() if document is None else parse_rules(document), self.settings, None)
        except (RulesError, CommandError) as error:
            reason = "the rules of the function are invalid"
            raise UnavailableError(reason) from error

    def policy(self) -> str:
        """Return its resource policy, in JSON. Raises AbsentError if it has none."""
        return str(self._aws.get("lambda", "get_policy", **self.arn.request)["Policy"])

    def provisioned_concurrency(self) -> list[Mapping[str, Any]]:
        """Return the configurations of all its aliases and versions."""
        return list(
            self._aws.items(
                "lambda",
                "list_provisioned_concurrency_configs",
                "ProvisionedConcurrencyConfigs",
                FunctionName=self.arn.unqualified,
            )
        )

    def reserved_concurrency(self) -> int | None:
        """Return how many executions are reserved for it, None if it has no limit of its own."""
        response = self._aws.get("lambda", "get_function_concurrency", FunctionName=self.arn.unqualified)
        reserved: int | None = response.get("ReservedConcurrentExecutions")
        return reserved

    def command(self, operation: str, *words: str | Variable) -> str:
        """Return a command about the function without alias or version."""
        name = ("--function-name", self.arn.unqualified)
        return command(self.arn.region, "lambda", *operation.split(), *name, *words)

    def update(self, *words: str | Variable) -> tuple[str, ...]:
        """Return the commands that change its configuration, and publish it if the API invokes an alias."""
        return (self.command("update-function-configuration", *words), *self.publish())

    def edit_environment(self) -> tuple[str, ...]:
        """Return the commands that change its variables, by way of a file to edit after the first one."""
        read = self.command("get-function-configuration", "--query", "Environment", "--output", "json")
        return (f"{read} > environment.json", *self.update("--environment", "file://environment.json"))

    def publish(self) -> tuple[str, ...]:
        """Return the commands that publish the function, and make an alias invoke the new version."""
        qualifier = self.arn.qualifier
        if not self.arn.is_published or qualifier is None:
            return ()
        return (
            self.command("wait function-updated-v2"),
            self.new_version(),
            self.command("update-alias", "--name", qualifier, "--function-version", Variable("VERSION")),
        )

    def new_version(self) -> str:
        """Return the command that publishes the function, and keeps the version in VERSION."""
        return f"VERSION=$({self.command('publish-version', '--query', 'Version', '--output', 'text')})"
