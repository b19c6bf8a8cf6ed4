"""Checks of the authorizer's function."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import check_together
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer_cli.doctor.account.aws import AbsentError, Variable, command
from mtls_authorizer_cli.doctor.account.function import HANDLER
from mtls_authorizer_cli.doctor.findings import Check, Mistake, suspicious_rule
from mtls_authorizer_cli.rules.check.report import check_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.doctor.account.function import Function
    from mtls_authorizer_cli.doctor.live.examination import Checks
    from mtls_authorizer_cli.rules.check.report import CheckedSource

_ALL_500 = "The API responds with 500 to every request."
_IMAGE = "Image"


def _function(function: Function) -> Iterator[Mistake]:
    try:
        configuration = function.configuration
    except AbsentError:
        yield _absent(function)
        return
    for key, reason in (("State", "StateReason"), ("LastUpdateStatus", "LastUpdateStatusReason")):
        if configuration.get(key) == "Failed":
            yield Mistake(
                f"its {key} is Failed: {configuration.get(reason, 'no reason is given')}",
                _ALL_500 if key == "State" else "The last change of the function has no effect.",
                "Correct the reason, and deploy again",
                (function.command("get-function-configuration"),),
            )
    if configuration.get("PackageType") != _IMAGE and configuration.get("Handler") != HANDLER:
        yield Mistake(
            f"its handler is {configuration.get('Handler')}",
            "It is another function, or a wrapper of this project's authorizer, which these checks do not know.",
            f"Set the handler to {HANDLER} unless it is a wrapper",
            function.update("--handler", HANDLER),
        )


def _absent(function: Function) -> Mistake:
    arn = function.arn
    alias = function.command("create-alias", "--name", arn.qualifier or "", "--function-version", Variable("VERSION"))
    return Mistake(
        "there is no such function, alias or version",
        _ALL_500,
        "Create the alias if the function exists, or deploy the function",
        (function.new_version(), alias) if arn.is_published else (),
    )


def _unpublished_changes(function: Function) -> Iterator[Mistake]:
    if not function.arn.is_published:
        return
    used, latest = function.configuration, function.latest_configuration
    variables = [each.get("Environment", {}).get("Variables", {}) for each in (used, latest)]
    changed = sorted({name for name, _ in variables[0].items() ^ variables[1].items()})
    if used.get("CodeSha256") != latest.get("CodeSha256"):
        changed.append("its code")
    if changed:
        yield Mistake(
            f"the API invokes version {used.get('Version')}, and $LATEST differs: {', '.join(changed)}",
            "These changes have no effect until they are published.",
            "Publish the function, and make the alias invoke the new version",
            function.publish(),
        )


def _qualifier(function: Function) -> Iterator[Mistake]:
    snap_start = function.configuration.get("SnapStart", {})
    is_enabled = snap_start.get("ApplyOn") == "PublishedVersions"
    if is_enabled and not function.arn.is_published:
        yield _unused(function, "SnapStart", "live")
    elif is_enabled and snap_start.get("OptimizationStatus") == "Off":
        yield Mistake(
            "SnapStart is enabled, and the version that the API invokes has no snapshot",
            "Every new execution environment starts without it, which takes longer.",
            "Publish a new version",
            function.publish(),
        )
    provisioned = [each["FunctionArn"].rpartition(":")[2] for each in function.provisioned_concurrency()]
    if provisioned and function.arn.qualifier not in provisioned:
        yield _unused(function, "provisioned concurrency", provisioned[0])


def _unused(function: Function, feature: str, alias: str) -> Mistake:
    return Mistake(
        f"{feature} is enabled, and the API invokes {function.arn.qualifier or '$LATEST'}, which does not have it",
        f"You pay for {feature} and do not use it: requests wait for new execution environments.",
        f"Permit API Gateway to invoke the alias, such as {alias}, and set the authorizer's URI to it, as "
        "docs/500-errors.md describes",
        (command(function.arn.region, "lambda", "list-aliases", "--function-name", function.arn.unqualified),),
    )


def _concurrency(function: Function) -> Iterator[Mistake]:
    if function.reserved_concurrency() == 0:
        yield Mistake(
            "its reserved concurrency is 0",
            f"Lambda throttles every invocation. {_ALL_500}",
            "Remove the limit",
            (function.command("delete-function-concurrency"),),
        )
    for each in function.provisioned_concurrency():
        if each.get("Status") == "FAILED":
            yield Mistake(
                f"provisioned concurrency of {each['FunctionArn']} failed: {each.get('StatusReason', 'no reason')}",
                "Requests wait for new execution environments.",
                "Correct the reason, and set it again",
                (
                    function.command(
                        "put-provisioned-concurrency-config",
                        *("--qualifier", each["FunctionArn"].rpartition(":")[2]),
                        "--provisioned-concurrent-executions",
                        str(each["RequestedProvisionedConcurrentExecutions"]),
                    ),
                ),
            )


def _log_format(function: Function) -> Iterator[Mistake]:
    logging = function.configuration.get("LoggingConfig", {})
    group = f",LogGroup={logging['LogGroup']}" if "LogGroup" in logging else ""
    fix = function.update("--logging-config", f"LogFormat=JSON,ApplicationLogLevel=INFO{group}")
    if logging.get("LogFormat", "Text") != "JSON":
        yield Mistake(
            "its log format is Text",
            "The log contains the message of a decision, such as deny: common_name_not_allowed, and none of its "
            "fields: queries, alarms and mtls-authorizer explain --log do not work.",
            "Set the log format to JSON",
            fix,
        )
        return
    level, settings = logging.get("ApplicationLogLevel", "INFO"), function.settings
    if level in {"TRACE", "DEBUG", "INFO"}:
        return
    if settings.metrics_namespace is not None:
        yield Mistake(
            f"its log level is {level}, and METRICS_NAMESPACE is set",
            "Lambda handles lines without a level, such as metrics, as INFO, and drops them: their alarms do not fire.",
            "Set the log level to INFO",
            fix,
        )
    if settings.log_decisions == "all" or (settings.log_decisions == "denied" and level != "WARN"):
        yield Mistake(
            f"its log level is {level}, and LOG_DECISIONS is {settings.log_decisions}",
            "Allowed decisions are logged as INFO and denied ones as WARNING: some of them are missing in the log.",
            "Set the log level to INFO",
            fix,
        )


def _rules_document(function: Function) -> Iterator[Mistake]:
    """Yield the errors and warnings of ``rules check`` about the document at a URI, if the function has one."""
    document, uri = function.rules_document, function.settings.rules_uri
    if document is None or uri is None:
        return
    has_truststore = function.settings.truststore_uri is not None
    report = check_document(uri, document, datetime.now(UTC), has_truststore=has_truststore)
    for problem, fix in _problems(function, document, report):
        yield Mistake(
            f"invalid: {problem}",
            "The function keeps its last valid rules while it runs, and does not start with these: then the API "
            "responds with 500.",
            fix,
            subject=uri,
        )
    for warning in report.warnings:
        yield suspicious_rule(warning)._replace(subject=uri)


def _problems(function: Function, document: bytes, report: CheckedSource) -> Iterator[tuple[str, str]]:
    """Yield why the function rejects its document, by itself or together with the variables, and what to do."""
    for error in report.errors:
        yield error.text, "Correct the document with mtls-authorizer rules check, and upload it"
    if not report.errors:
        try:
            check_together([*function.settings.rules, *parse_rules(document)])
        except ValueError:
            # Not the authorizer's message: without the rules in the document, any client would be allowed.
            yield (
                "ALLOW_ANY_CLIENT_CERTIFICATE is true, and the document contains rules",
                "Remove ALLOW_ANY_CLIENT_CERTIFICATE, so that the rules decide, and deploy",
            )


FUNCTION_CHECKS: Checks[Function] = {
    Check.FUNCTION: _function,
    Check.QUALIFIER: _qualifier,
    Check.UNPUBLISHED_CHANGES: _unpublished_changes,
    Check.CONCURRENCY: _concurrency,
    Check.LOG_FORMAT: _log_format,
    Check.RULES_DOCUMENT: _rules_document,
}
"""The checks of a function."""
