"""What a template is made of, as a JSON Schema of `spec`; further members are fine."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ANY_TEXT: Schema = {"type": "string"}
_TEXT: Schema = {"type": "string", "minLength": 1}
_CONDITION: Schema = {"type": ["string", "boolean"]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TAGGED: Schema = _object(**{"backstage:permissions": _object(tags=_list(_ANY_TEXT))})
_DECORATORS: Schema = _list(_object(id=_ANY_TEXT, input={"type": "object"}))
_BUTTONS: Schema = _object(backButtonText=_ANY_TEXT, createButtonText=_ANY_TEXT, reviewButtonText=_ANY_TEXT)
_STEP: Schema = {
    **_object(
        **_TAGGED["properties"],
        id=_ANY_TEXT,
        name=_ANY_TEXT,
        action=_ANY_TEXT,
        input={"type": "object"},
        **{"if": _CONDITION},
    ),
    "required": ["action"],
}
_SHOWN: Schema = {"title": _TEXT, "icon": _TEXT, "if": _CONDITION}
_OUTPUT: Schema = {
    **_object(
        links=_list(_object(**_SHOWN, url=_TEXT, entityRef=_TEXT)), text=_list(_object(**_SHOWN, content=_ANY_TEXT))
    ),
    "additionalProperties": _ANY_TEXT,
}

TEMPLATE_SCHEMA: Schema = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["type", "steps"],
            "properties": {
                "type": _TEXT,
                "owner": _TEXT,
                "lifecycle": _TEXT,
                "parameters": {"oneOf": [_TAGGED, _list(_TAGGED)]},
                "secrets": _object(schema={"type": "object"}),
                "presentation": _object(buttonLabels=_BUTTONS),
                "formDecorators": _DECORATORS,
                "EXPERIMENTAL_formDecorators": _DECORATORS,
                "EXPERIMENTAL_recovery": _object(EXPERIMENTAL_strategy=_ANY_TEXT),
                "steps": _list(_STEP),
                "output": _OUTPUT,
            },
        }
    },
}
