"""JSON Schemas of the entity envelope and of the built-in kinds, compiled when they are first used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator

Schema = dict[str, Any]

API_VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")

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
_PROFILE: Schema = {
    "type": "object",
    "properties": {"displayName": _TEXT, "email": _TEXT, "picture": _TEXT},
}


def _spec(required: list[str], **properties: Schema) -> Schema:
    spec = {"type": "object", "required": required, "properties": properties}
    return {"type": "object", "required": ["spec"], "properties": {"spec": spec}}


_KINDS: dict[str, Schema] = {
    "Component": _spec(
        ["type", "lifecycle", "owner"],
        type=_TEXT,
        lifecycle=_TEXT,
        owner=_TEXT,
        system=_TEXT,
        subcomponentOf=_TEXT,
        providesApis=_TEXTS,
        consumesApis=_TEXTS,
        dependsOn=_TEXTS,
    ),
    "API": _spec(
        ["type", "lifecycle", "owner", "definition"],
        type=_TEXT,
        lifecycle=_TEXT,
        owner=_TEXT,
        definition=_TEXT,
        system=_TEXT,
    ),
    "Resource": _spec(["type", "owner"], type=_TEXT, owner=_TEXT, system=_TEXT, dependsOn=_TEXTS),
    "System": _spec(["owner"], owner=_TEXT, domain=_TEXT, type=_TEXT),
    "Domain": _spec(["owner"], owner=_TEXT, subdomainOf=_TEXT, type=_TEXT),
    "Group": _spec(["type", "children"], type=_TEXT, children=_TEXTS, parent=_TEXT, members=_TEXTS, profile=_PROFILE),
    "User": _spec(["memberOf"], memberOf=_TEXTS, profile=_PROFILE),
    "Location": _spec(
        [], type=_TEXT, target=_TEXT, targets=_TEXTS, presence={"enum": ["required", "optional"], "type": "string"}
    ),
}


def is_built_in_kind(entity: dict[str, Any]) -> bool:
    """Tells whether kind and apiVersion are among the built-in ones; the kind's case counts."""
    return entity["kind"] in _KINDS and entity["apiVersion"] in API_VERSIONS


def built_in_kinds() -> Mapping[str, Schema]:
    """Returns the schemas of the built-in kinds' own members, by kind."""
    return _KINDS


@cache
def envelope_validator() -> Draft7Validator:
    """Returns the validator of what every entity has."""
    return _compile(_ENTITY)


@cache
def kind_validator(kind: str) -> Draft7Validator:
    """Returns the validator of a built-in kind's own members."""
    return _compile(_KINDS[kind])


def _compile(schema: Schema) -> Draft7Validator:
    from jsonschema_rs import Draft7Validator

    return Draft7Validator(schema)
