"""Violations of a JSON Schema as text, in the words that users of the catalog know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understage.errors import InputError

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator, ValidationError


class SchemaViolationError(InputError):
    """An entity does not follow a schema."""

    name = "TypeError"


def check_schema(validator: Draft7Validator, value: Any) -> None:
    """Checks a value.

    Raises:
        SchemaViolationError: says where the first violation is, what was expected, and which rule says so.
    """
    if validator.is_valid(value):
        return
    for error in validator.iter_errors(value):
        raise SchemaViolationError(describe_violation(error))


def describe_violation(error: ValidationError) -> str:
    """Returns a text such as `/spec must have required property 'owner' - missingProperty: owner`."""
    path = "/" + "/".join(str(part) for part in error.instance_path) if error.instance_path else "<root>"
    name: str = error.kind.name
    detail: dict[str, Any] = error.kind.as_dict()
    match name:
        case "required":
            missing = detail["property"]
            return f"{path} must have required property '{missing}' - missingProperty: {missing}"
        case "type":
            wanted = ",".join(detail["types"])
            return f"{path} must be {wanted} - type: {wanted}"
        case "minLength":
            limit = detail["limit"]
            return f"{path} must NOT have fewer than {limit} characters - limit: {limit}"
        case "enum":
            allowed = ",".join(str(option) for option in detail["options"])
            return f"{path} must be equal to one of the allowed values - allowedValues: {allowed}"
        case _:
            return f"{path} {error.message}"
