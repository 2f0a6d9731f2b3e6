"""The gates that an entity passes: the envelope when it is emitted, the policies before its kind is checked."""

from __future__ import annotations

from typing import Any

from understage.catalog.model.field_formats import DEFAULT_FORMATS, FieldFormats, check_field_formats
from understage.catalog.model.schemas import envelope_validator
from understage.catalog_api import DEFAULT_NAMESPACE, EntityJson
from understage.catalog_api.schema_errors import SchemaViolationError, check_schema

_ROOT_MEMBERS = frozenset(("apiVersion", "kind", "metadata", "spec"))


def check_envelope(value: Any) -> None:
    """Checks that a value can be named as an entity: `apiVersion`, `kind`, `metadata.name`, maybe a namespace.

    Raises:
        SchemaViolationError: names the member that is missing or no text.
    """
    if _is_plainly_fine(value):
        return
    if not isinstance(value, dict):
        raise SchemaViolationError(f"an entity must be an object, but this is {_json_type(value)}")
    _check_text(value, "apiVersion", "apiVersion")
    _check_text(value, "kind", "kind")
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise SchemaViolationError("/metadata must be object - type: object")
    _check_text(metadata, "name", "metadata/name")
    if metadata.get("namespace") is not None or "namespace" in metadata:
        _check_text(metadata, "namespace", "metadata/namespace")


def _is_plainly_fine(value: Any) -> bool:
    """Tells whether nothing is wrong; False means to look closer. Every entity passes here several times."""
    if type(value) is not dict:
        return False
    metadata = value.get("metadata")
    if type(metadata) is not dict:
        return False
    for text in (value.get("apiVersion"), value.get("kind"), metadata.get("name"), metadata.get("namespace", "-")):
        if type(text) is not str or not text:
            return False
    return True


def _check_text(container: dict[str, Any], member: str, path: str) -> None:
    value = container.get(member)
    if member not in container:
        parent = path.rpartition("/")[0]
        where = f"/{parent}" if parent else "<root>"
        raise SchemaViolationError(f"{where} must have required property '{member}' - missingProperty: {member}")
    if not isinstance(value, str):
        raise SchemaViolationError(f"/{path} must be string - type: string")
    if not value:
        raise SchemaViolationError(f"/{path} must NOT have fewer than 1 characters - limit: 1")


def enforce_policies(entity: EntityJson, formats: FieldFormats = DEFAULT_FORMATS) -> EntityJson:
    """Checks an entity before its kind is looked at, and writes the default namespace into it.

    Args:
        entity: the entity.
        formats: of its members.

    Raises:
        SchemaViolationError: a member has the wrong type, or is not one that an entity may bring along.
        FieldFormatError: a member has the wrong form.
    """
    check_schema(envelope_validator(), entity)
    if not entity["metadata"].get("namespace"):
        entity["metadata"] = {"namespace": DEFAULT_NAMESPACE, **entity["metadata"]}
    for member in entity:
        if member not in _ROOT_MEMBERS:
            raise SchemaViolationError(f"Unknown field {member}: an entity has apiVersion, kind, metadata and spec")
    check_field_formats(entity, formats)
    return entity


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", str: "a text", list: "a list"}
    return names.get(type(value), "a number")
