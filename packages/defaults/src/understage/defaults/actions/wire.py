"""Actions as they travel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from understage.errors import UnderstageError
from understage.plugin_api import Action, ActionAttributes, ActionExample

ACTIONS_PATH = "/.backstage/actions"


class _Schemas(msgspec.Struct, omit_defaults=True):
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    secrets: Mapping[str, Any] | None = None


class _WireAction(msgspec.Struct, rename="camel", omit_defaults=True):
    id: str
    name: str
    title: str
    description: str
    plugin_id: str
    attributes: ActionAttributes
    examples: list[ActionExample] = []
    schema: _Schemas = msgspec.field(default_factory=lambda: _Schemas({}, {}))


class _WireActions(msgspec.Struct):
    actions: list[_WireAction]


class _WireOutput(msgspec.Struct):
    output: Any = None


def encode_actions(actions: list[Action]) -> bytes:
    """Returns the body that lists actions."""
    wired = [
        _WireAction(
            action.id,
            action.name,
            action.title,
            action.description,
            action.plugin_id,
            action.attributes,
            list(action.examples),
            _Schemas(action.input_schema, action.output_schema, action.secrets_schema),
        )
        for action in actions
    ]
    return msgspec.json.encode({"actions": wired})


def decode_actions(body: bytes) -> list[Action]:
    """Reads a body that lists actions.

    Raises:
        UnderstageError: it cannot be understood.
    """
    try:
        wired = msgspec.json.decode(body, type=_WireActions).actions
    except msgspec.DecodeError as error:
        raise UnderstageError("The list of actions is not understood", error) from error
    return [
        Action(
            id=one.id,
            name=one.name,
            title=one.title,
            description=one.description,
            plugin_id=one.plugin_id,
            attributes=one.attributes,
            input_schema=one.schema.input,
            output_schema=one.schema.output,
            secrets_schema=one.schema.secrets,
            examples=one.examples,
        )
        for one in wired
    ]


def decode_output(body: bytes) -> Any:
    """Reads the body that answers an invocation, and returns the output.

    Raises:
        UnderstageError: it cannot be understood.
    """
    try:
        return msgspec.json.decode(body, type=_WireOutput).output
    except msgspec.DecodeError as error:
        raise UnderstageError("The action's output is not understood", error) from error
