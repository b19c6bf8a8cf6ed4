"""The log records of warnings about rules documents, when they are loaded."""

from __future__ import annotations

import json
from itertools import islice

from mtls_authorizer.log import get_logger
from mtls_authorizer.policy import allowlist_warnings
from mtls_authorizer.policy.allowlist_warnings import MOST_LOGGED, NOT_ALL
from mtls_authorizer.policy.rule_warnings import RuleWarning, RuleWarningKind, rule_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MESSAGES = {
    **allowlist_warnings.MESSAGES,
    RuleWarningKind.NO_TRUSTSTORE: "no truststore for issuer keys",
    RuleWarningKind.SURROUNDING_WHITESPACE: "value starts or ends with whitespace",
    RuleWarningKind.REVERSED_NAME: "name looks reversed",
    RuleWarningKind.OPEN_DOMAIN: "pattern also matches other domains",
}
NOT_EXAMINED = "rules not examined for warnings"


def log_rule_warnings(
    document: Mapping[str, Any], fields: Mapping[str, object], *, has_truststore: bool = True
) -> None:
    """Log the first warnings about a valid document. ``fields`` say which document it is. Raises nothing."""
    try:
        warnings = list(islice(rule_warnings(document, has_truststore=has_truststore), MOST_LOGGED + 1))
    except Exception as error:  # noqa: BLE001 -- valid rules take effect, whatever is wrong with the warnings
        get_logger().warning(NOT_EXAMINED, extra={**fields, "error": f"{type(error).__name__}: {error}"})
        return
    for warning in warnings[:MOST_LOGGED]:
        details = {
            "rule": _rule_name(document, warning),
            "place": warning.place,
            "explanation": f"{warning.place} {warning.message}",
        }
        get_logger().warning(MESSAGES[warning.kind], extra={**fields, **details})
    if len(warnings) > MOST_LOGGED:
        get_logger().warning(
            NOT_ALL, extra={**fields, "explanation": "mtls-authorizer rules check prints all warnings"}
        )


def log_inline_rule_warnings(environment: Mapping[str, str]) -> None:
    """Log the warnings about the documents in an environment that ``load_settings`` accepts."""
    for variable in ("AUTHORIZER_RULES", "AUTHORIZER_SHADOW_RULES"):
        if variable in environment:
            # JSON allows fewer kinds of whitespace around it than the settings do.
            log_rule_warnings(json.loads(environment[variable].strip()), {"variable": variable})


def _rule_name(document: Mapping[str, Any], warning: RuleWarning) -> str | None:
    """Return the name of the rule that a warning is about; None for an item of ``deny``."""
    if not warning.place.startswith("rules["):
        return None
    number = int(warning.place.removeprefix("rules[").partition("]")[0])
    return str(document["rules"][number]["name"])
