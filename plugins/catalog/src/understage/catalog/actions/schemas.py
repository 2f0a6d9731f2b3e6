"""JSON Schemas of what goes into the actions and what comes out, as assistants are shown them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from understage.plugin_api import data_schema

Schema = dict[str, Any]


def record(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """Returns the schema of an object with exactly these members.

    Args:
        required: members that must be there.
        **properties: their schemas by name.
    """
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def text(description: str, **more: Any) -> Schema:
    """Returns the schema of a text."""
    return {"type": "string", "description": description, **more}


ENTITY: Schema = {"type": "object", "properties": {}, "additionalProperties": True}

_QUERY = "#/properties/query"
_PRIMITIVE = f"{_QUERY}/anyOf/0/anyOf/0/additionalProperties/anyOf/0"


def _operator(name: str, operand: Schema) -> Schema:
    return record((name,), **{name: operand})


def _predicate() -> Schema:
    inner = {"$ref": _QUERY}
    matchers = [
        {"type": ["string", "number", "boolean"]},
        _operator("$exists", {"type": "boolean"}),
        _operator("$in", {"type": "array", "items": {"$ref": _PRIMITIVE}}),
        _operator("$contains", inner),
        _operator("$hasPrefix", {"type": "string"}),
    ]
    fields = {
        "type": "object",
        "additionalProperties": {"anyOf": matchers},
        "propertyNames": {"pattern": "^(?:[^$\\n\\r].*)?$"},
    }
    nothing = {"type": "object", "additionalProperties": {"not": {}}, "propertyNames": {"pattern": "^\\$"}}
    several = {"type": "array", "items": inner}
    return {
        "anyOf": [
            {"anyOf": [fields, nothing]},
            {"$ref": _PRIMITIVE},
            _operator("$all", several),
            _operator("$any", several),
            _operator("$not", inner),
        ],
        "description": (
            "What must hold of the entities: dotted paths with the values that they must have, and $all, $any, $not, "
            "$exists, $in, $contains and $hasPrefix."
        ),
    }


_ORDER = record(
    ("field", "order"),
    field=text("Dotted path of the field to sort by, such as `metadata.name`."),
    order=text("Direction.", enum=["asc", "desc"]),
)

QUERY_ENTITIES = record(
    query=_predicate(),
    fields={
        "type": "array",
        "items": {"type": "string"},
        "description": "Dotted paths of the members to return, such as `spec.type`; everything without it.",
    },
    limit={"type": "integer", "exclusiveMinimum": 0, "description": "How many entities to return at most."},
    offset={"type": "integer", "minimum": 0, "description": "How many entities to leave out first."},
    orderFields={
        "anyOf": [_ORDER, {"type": "array", "items": _ORDER}],
        "description": "What to sort by: one field, or a list of which the first counts.",
    },
    fullTextFilter={
        **record(
            ("term",),
            term=text("The text to look for."),
            fields={
                "type": "array",
                "items": {"type": "string"},
                "description": "Dotted paths of where to look; by default the field that is sorted by.",
            },
        ),
        "description": "A text that the entities must contain.",
    },
    cursor=text(
        "Where to go on: the `nextPageCursor` of the page before. Everything but `fields` and `limit` is kept."
    ),
)
ENTITIES_PAGE = record(
    ("items", "totalItems", "hasMoreEntities"),
    items={"type": "array", "items": ENTITY, "description": "The entities."},
    totalItems={"type": "number", "description": "How many there are on all pages."},
    hasMoreEntities={"type": "boolean", "description": "Whether there is a further page."},
    nextPageCursor=text("The cursor of the next page."),
)


class NumbersFromTexts:
    """A schema whose numbers may come as texts, as assistants like to send them.

    Args:
        schema: the JSON Schema, which is published as it is.
        *members: the members that are numbers.
    """

    def __init__(self, schema: Schema, *members: str) -> None:
        self._schema = data_schema(schema)
        self._members = members

    @property
    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema."""
        return self._schema.json_schema

    def decode(self, data: Any) -> Any:
        """Returns the data with numbers where texts stood for them.

        Raises:
            InputError: the data does not follow the schema.
        """
        if isinstance(data, Mapping):
            numbers = {name: _number(data[name]) for name in self._members if name in data}
            data = {**data, **numbers}
        return self._schema.decode(data)

    def encode(self, value: Any) -> Any:
        """Returns a value as JSON data.

        Raises:
            InputError: the value does not follow the schema.
        """
        return self._schema.encode(value)


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    return int(number) if number.is_integer() else number
