"""The part of an entity's JSON Schema that all kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understage.catalog_api.model.definitions import JsonSchema, MetadataField

TEXT: JsonSchema = {"type": "string", "minLength": 1}
ANY_TEXT: JsonSchema = {"type": "string"}
_LINK: JsonSchema = {
    "type": "object",
    "required": ["url"],
    "properties": {"url": TEXT, "title": TEXT, "icon": TEXT, "type": TEXT},
}


def entity_schema(
    kind: str,
    api_version: str,
    required: Sequence[str],
    annotations: Mapping[str, MetadataField],
    labels: Mapping[str, MetadataField],
) -> JsonSchema:
    """Returns the schema of an entity's root and metadata.

    Args:
        kind: the kind.
        api_version: its version.
        required: what the kind requires in the root.
        annotations: annotations that are known.
        labels: labels that are known.
    """
    return {
        "type": "object",
        "required": list(dict.fromkeys([*required, "apiVersion", "kind", "metadata"])),
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": api_version},
            "kind": {"const": kind},
            "metadata": _metadata(annotations, labels),
        },
    }


def _metadata(annotations: Mapping[str, MetadataField], labels: Mapping[str, MetadataField]) -> JsonSchema:
    return {
        "type": "object",
        "required": ["name"],
        "properties": {
            **dict.fromkeys(("uid", "etag", "name", "namespace", "title"), TEXT),
            "description": ANY_TEXT,
            "annotations": _texts(annotations),
            "labels": _texts(labels),
            "tags": {"type": "array", "items": TEXT},
            "links": {"type": "array", "items": _LINK},
        },
    }


def _texts(known: Mapping[str, MetadataField]) -> JsonSchema:
    properties = {name: field.schema or ANY_TEXT for name, field in known.items()}
    return {"type": "object", "additionalProperties": ANY_TEXT, "properties": properties}
