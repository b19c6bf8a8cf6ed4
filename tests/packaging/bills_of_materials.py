"""Validating bills of materials against the schema of CycloneDX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # its stubs are a package of their own
from rfc3986_validator import validate_rfc3986  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from cyclonedx.validation.json import JsonValidationError


# jsonschema would check this with rfc3987-syntax, which takes three seconds to import.
@Draft7Validator.FORMAT_CHECKER.checks("iri-reference")  # type: ignore[untyped-decorator]
def _is_uri_reference(instance: object) -> bool:
    """Return whether a string is a URI reference. All URLs in a bill are ASCII, so that none has to be an IRI."""
    return not isinstance(instance, str) or bool(validate_rfc3986(instance, rule="URI_reference"))


def problem_of(bill: str) -> JsonValidationError | None:
    """Return a reason why a bill is no valid CycloneDX 1.6, or None."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill)
