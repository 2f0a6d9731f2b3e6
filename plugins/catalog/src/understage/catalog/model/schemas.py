"""JSON Schemas of the entity envelope and of the built-in kinds, compiled when they are first used."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from understage.catalog_api.built_in_kinds import API_VERSIONS, BUILT_IN_KINDS

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_ANY_TEXT: Schema = {"type": "string"}
_TEXT_MAP: Schema = {"type": "object", "additionalProperties": _ANY_TEXT}
_LINK: Schema = {
    "type": "object",
    "required": ["url"],
    "properties": {"url": _TEXT, "title": _TEXT, "icon": _TEXT, "type": _TEXT},
}
_METADATA: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "uid": _TEXT,
        "etag": _TEXT,
        "name": _TEXT,
        "namespace": _TEXT,
        "title": _TEXT,
        "description": _ANY_TEXT,
        "labels": _TEXT_MAP,
        "annotations": _TEXT_MAP,
        "tags": _TEXTS,
        "links": {"type": "array", "items": _LINK},
    },
}
_ENTITY: Schema = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "properties": {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA, "spec": {"type": "object"}},
}


def is_built_in_kind(entity: dict[str, Any]) -> bool:
    """Tells whether kind and apiVersion are among the built-in ones; the kind's case counts."""
    return entity["kind"] in BUILT_IN_KINDS and entity["apiVersion"] in API_VERSIONS


@cache
def envelope_validator() -> Draft7Validator:
    """Returns the validator of what every entity has."""
    return _compile(_ENTITY)


@cache
def kind_validator(kind: str) -> Draft7Validator:
    """Returns the validator of a built-in kind's own members."""
    return _compile(BUILT_IN_KINDS[kind])


def _compile(schema: Schema) -> Draft7Validator:
    from jsonschema_rs import Draft7Validator

    return Draft7Validator(schema)
