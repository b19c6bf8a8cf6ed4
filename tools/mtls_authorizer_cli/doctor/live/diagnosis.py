"""The examination of an API, a domain name or a function on AWS."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.configuration.function_arn import FunctionArn, FunctionName, parse_function
from mtls_authorizer_cli.doctor.account.aws import AbsentError, Aws, UnavailableError
from mtls_authorizer_cli.doctor.account.domain import read_domain
from mtls_authorizer_cli.doctor.account.function import Function
from mtls_authorizer_cli.doctor.account.http_api import HttpApi
from mtls_authorizer_cli.doctor.account.rest_api import RestApi
from mtls_authorizer_cli.doctor.findings import Diagnosis, combine
from mtls_authorizer_cli.doctor.live.api_checks import API_CHECKS
from mtls_authorizer_cli.doctor.live.authorizer_checks import AUTHORIZER_CHECKS
from mtls_authorizer_cli.doctor.live.domain_checks import CHECKS as DOMAIN_CHECKS
from mtls_authorizer_cli.doctor.live.domain_checks import ExaminedDomain
from mtls_authorizer_cli.doctor.live.examination import examine, unavailable
from mtls_authorizer_cli.doctor.live.examined_api import ExaminedApi
from mtls_authorizer_cli.doctor.live.function_checks import FUNCTION_CHECKS
from mtls_authorizer_cli.doctor.offline.environment import CHECKS as ENVIRONMENT_CHECKS
from mtls_authorizer_cli.doctor.offline.environment import examine_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.doctor.account.domain import Domain
    from mtls_authorizer_cli.progress import Progress


def examine_aws(api_id: str | None, domain_name: str | None, function: str | None, progress: Progress) -> Diagnosis:
    """Examine an API, the APIs of a domain name, or a function alone; names and IDs, None if not given.

    Raises CommandError for a name that does not exist, and without credentials or region.
    """
    arn = parse_function(function) if function else None
    aws = Aws(arn.region if isinstance(arn, FunctionArn) else None)
    partition, account = aws.caller()
    if isinstance(arn, FunctionName):
        arn = FunctionArn(partition, aws.region, account, arn.name, arn.qualifier)
    domain = None if domain_name is None else _named(aws, domain_name)
    api_ids = dict.fromkeys([api_id] if api_id else [mapped for mapped, _ in domain.mapped_stages] if domain else [])
    examination = _Examination(aws, progress)
    if not api_ids:
        return examination.without_api(domain, Function(aws, arn) if arn else None)
    return combine(
        *(
            diagnosis
            for each in api_ids
            for diagnosis in examination.of_api(
                ExaminedApi(aws, _read_api(aws, each), domain, arn.name if arn else None)
            )
        )
    )


class _Examination:
    """Examines several APIs, and each domain name and function that they share once."""

    def __init__(self, aws: Aws, progress: Progress) -> None:
        self._aws = aws
        self._progress = progress
        self._examined: set[str] = set()

    def of_api(self, examined: ExaminedApi) -> Iterator[Diagnosis]:
        api = examined.api
        if isinstance(api, HttpApi) and api.is_websocket_api:
            message = (
                f"{api.api_id} is a WebSocket API: they have no mutual TLS, and this authorizer does not support them"
            )
            raise CommandError(message)
        yield examine({**API_CHECKS, **AUTHORIZER_CHECKS}, examined, self._progress)
        yield from self._of_domains(examined)
        yield from self._of_functions(examined)

    def _of_domains(self, examined: ExaminedApi) -> Iterator[Diagnosis]:
        try:
            domains = examined.known_domains
        except UnavailableError as error:
            yield unavailable(DOMAIN_CHECKS, error)
            return
        for domain in domains:
            if self._is_new(str(domain)):
                yield ExaminedDomain(self._aws, domain, examined.function).diagnosis(self._progress)

    def _of_functions(self, examined: ExaminedApi) -> Iterator[Diagnosis]:
        try:
            authorizers = examined.authorizers
        except UnavailableError as error:
            yield unavailable((*FUNCTION_CHECKS, *ENVIRONMENT_CHECKS), error)
            return
        for _, function in authorizers:
            if self._is_new(str(function.arn)):
                yield self.of_function(function)

    def of_function(self, function: Function) -> Diagnosis:
        try:
            environment = _with_commands(examine_environment(str(function), function.environment), function)
        except UnavailableError as error:
            environment = unavailable(ENVIRONMENT_CHECKS, error)
        return combine(examine(FUNCTION_CHECKS, function, self._progress), environment)

    def without_api(self, domain: Domain | None, function: Function | None) -> Diagnosis:
        of_function = self.of_function(function) if function else Diagnosis()
        if domain is None:
            return of_function
        note = Diagnosis(notes=(f"{domain} leads to no API",))
        return combine(of_function, ExaminedDomain(self._aws, domain, function).diagnosis(self._progress), note)

    def _is_new(self, name: str) -> bool:
        is_new = name not in self._examined
        self._examined.add(name)
        return is_new


def _with_commands(diagnosis: Diagnosis, function: Function) -> Diagnosis:
    """Return findings about variables with the commands that change the variables of a function."""
    findings = (
        each._replace(
            fix=f"{each.fix}. To change them on AWS, edit environment.json after the first command",
            commands=function.edit_environment(),
        )
        for each in diagnosis.findings
    )
    return diagnosis._replace(findings=tuple(findings))


def _named(aws: Aws, name: str) -> Domain:
    with _must_be_readable(f"domain name {name}", aws):
        return read_domain(aws, name)


def _read_api(aws: Aws, api_id: str) -> RestApi | HttpApi:
    with _must_be_readable(f"API {api_id}", aws):
        try:
            return RestApi(aws, api_id)
        except AbsentError:
            return HttpApi(aws, api_id)


@contextmanager
def _must_be_readable(named: str, aws: Aws) -> Iterator[None]:
    """Turn UnavailableError, about something that the user named, into CommandError."""
    try:
        yield
    except AbsentError as error:
        message = f"there is no {named} in {aws.region}: check its spelling, or set AWS_REGION to its region"
        raise CommandError(message) from error
    except UnavailableError as error:
        missing = f". You need the permission {error.permission}" if error.permission else ""
        message = f"{named} cannot be read: {error.reason}{missing}"
        raise CommandError(message) from error
