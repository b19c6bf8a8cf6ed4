"""An API to examine, with its domain names, its authorizers, and their functions."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.configuration.function_arn import parse_authorizer_uri
from mtls_authorizer_cli.doctor.account.aws import Aws, UnavailableError, Variable
from mtls_authorizer_cli.doctor.account.domain import domains_of_api
from mtls_authorizer_cli.doctor.account.function import HANDLER, Function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer_cli.configuration.function_arn import FunctionArn
    from mtls_authorizer_cli.doctor.account.api import Authorizer, Stage
    from mtls_authorizer_cli.doctor.account.domain import Domain
    from mtls_authorizer_cli.doctor.account.http_api import HttpApi
    from mtls_authorizer_cli.doctor.account.rest_api import RestApi

_LAMBDA_AUTHORIZERS = {"REQUEST", "TOKEN"}


class OwnAuthorizer(NamedTuple):
    """An authorizer of the API that invokes this project's function."""

    authorizer: Authorizer
    function: Function


class ExaminedApi:
    """An API.

    ``function_name`` is the name of the authorizer's function; without it, functions are recognized by their handler.
    ``domain`` is the domain name that the user named. Everything is read when it is needed, and can raise
    UnavailableError.
    """

    def __init__(self, aws: Aws, api: RestApi | HttpApi, domain: Domain | None, function_name: str | None) -> None:
        self.aws = aws
        self.api = api
        self._domain = domain
        self._function_name = function_name

    def __str__(self) -> str:
        return str(self.api)

    @cached_property
    def domains(self) -> Sequence[Domain]:
        """The domain names that lead to the API, and the one that the user named."""
        domains = list(domains_of_api(self.aws, self.api.api_id))
        named = self._domain
        return domains if named is None or named.name in {each.name for each in domains} else [*domains, named]

    @property
    def known_domains(self) -> Sequence[Domain]:
        """The domain names that lead to the API, or only the one that the user named if the others are unknown."""
        try:
            return self.domains
        except UnavailableError:
            if self._domain is None:
                raise
            return [self._domain]

    @property
    def served_stages(self) -> Sequence[Stage]:
        """The stages that domain names lead to; all of them if there is none, or if they are not known."""
        stages = self.api.stages()
        try:
            domains = self.known_domains
        except UnavailableError:
            return stages
        mapped = {stage for domain in domains for api_id, stage in domain.mapped_stages if api_id == self.api.api_id}
        return [stage for stage in stages if stage.name in mapped] or stages

    def deploy_commands(self) -> tuple[str, ...]:
        """Return the commands that make changes of the API take effect. Raises nothing."""
        try:
            return self.api.deploy(self.served_stages)
        except UnavailableError:
            return (self.api.deploy_stage(Variable("STAGE")),)

    @cached_property
    def found_authorizers(self) -> Sequence[OwnAuthorizer]:
        """The authorizers of the API that invoke this project's function, perhaps none."""
        candidates = [
            (authorizer, parse_authorizer_uri(authorizer.uri))
            for authorizer in self.api.authorizers()
            if authorizer.kind in _LAMBDA_AUTHORIZERS
        ]
        found = [
            OwnAuthorizer(authorizer, Function(self._aws_of(arn), arn))
            for authorizer, arn in candidates
            if arn is not None and self._is_own(arn, alone=len(candidates) == 1)
        ]
        unnamed = [authorizer for authorizer, arn in candidates if arn is None]
        if not found and unnamed:
            reason = f"{unnamed[0]} does not name its function: {unnamed[0].uri}"
            raise UnavailableError(reason)
        return found

    @property
    def authorizers(self) -> Sequence[OwnAuthorizer]:
        """``found_authorizers``. Raises UnavailableError if there is none."""
        if not self.found_authorizers:
            reason = f"{self.api} has no authorizer of this project"
            raise UnavailableError(reason)
        return self.found_authorizers

    @property
    def function(self) -> Function | None:
        """The authorizer's function, None if it is not known."""
        try:
            return self.authorizers[0].function
        except UnavailableError:
            return None

    def _is_own(self, arn: FunctionArn, *, alone: bool) -> bool:
        if self._function_name is not None:
            return arn.name == self._function_name
        try:
            handler = Function(self._aws_of(arn), arn).configuration.get("Handler")
        except UnavailableError:
            # The only one is taken for the authorizer: what is missing is reported by the checks of its function.
            if alone:
                return True
            raise
        return alone or handler == HANDLER

    def _aws_of(self, arn: FunctionArn) -> Aws:
        return self.aws if arn.region == self.aws.region else Aws(arn.region)
