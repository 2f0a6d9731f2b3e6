"""One JSON Schema of many, for editors and for other tools."""

import re
from collections.abc import Iterable
from typing import Any

from understage.config.schema.document import SchemaDocument
from understage.config.shapes import is_list, is_mapping

_DEFINITIONS = ("definitions", "$defs")
_LOCAL = re.compile(r"#/(?:definitions|\$defs)/([^/]*)(.*)")


def combined(documents: Iterable[SchemaDocument]) -> dict[str, Any]:
    """Returns a schema that takes what all of the schemas take.

    Definitions are gathered at the root, under names that start with the name of the schema they are from.
    """
    definitions: dict[str, Any] = {}
    parts: list[Any] = []
    for document in documents:
        schema = dict(document.schema)
        for keyword in _DEFINITIONS:
            for key, value in schema.pop(keyword, {}).items():
                definitions[f"{document.name}.{key}"] = _moved(value, document.name)
        schema.pop("$schema", None)
        parts.append({"title": document.name, **_moved(schema, document.name)})
    result: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "allOf": parts}
    return {**result, "definitions": definitions} if definitions else result


def _moved(schema: Any, name: str) -> Any:
    if is_list(schema):
        return [_moved(item, name) for item in schema]
    if not is_mapping(schema):
        return schema
    return {
        key: _moved_reference(value, name) if key == "$ref" else _moved(value, name) for key, value in schema.items()
    }


def _moved_reference(reference: Any, name: str) -> Any:
    match = _LOCAL.fullmatch(reference) if isinstance(reference, str) else None
    return f"#/definitions/{name}.{match[1]}{match[2]}" if match else _moved(reference, name)
