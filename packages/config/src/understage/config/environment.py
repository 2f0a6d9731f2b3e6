"""Configuration from environment variables: `APP_CONFIG_backend_listen_port=7007`."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from understage.config.errors import ConfigSourceError, InvalidConfigKeyError
from understage.config.keys import is_segment
from understage.config.location import SourceLocation
from understage.config.node import Node, from_plain

PREFIX = "APP_CONFIG_"


def read_environment(env: Mapping[str, str]) -> Node | None:
    """Builds a tree of all `APP_CONFIG_` variables; None if there are none.

    The rest of a variable's name is a path, its parts joined by `_`, in the case that the configuration has. The value
    is JSON if it parses as such, else text; empty variables count as unset. Keys with underscores and elements of
    arrays cannot be addressed.

    Args:
        env: the environment.

    Raises:
        InvalidConfigKeyError: a name is not a path of keys.
        ConfigSourceError: a value is null, or two variables contradict each other.
    """
    members: dict[str, Node] = {}
    for name in sorted(env):
        if name.startswith(PREFIX) and env[name]:
            _place(members, name, _parse(name, env[name]))
    return Node(members, SourceLocation("env")) if members else None


def _parse(name: str, text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text
    if value is None:
        _fail(name, "null cannot be set from the environment; set another value, or null in a file")
    return value


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _place(members: dict[str, Node], name: str, value: Any) -> None:
    parts = name.removeprefix(PREFIX).split("_")
    if not all(map(is_segment, parts)):
        message = f"{name} is not a configuration key; write {PREFIX} and the parts of the key joined by single '_'"
        raise InvalidConfigKeyError(message, location=_location(name))
    for depth, part in enumerate(parts[:-1], start=1):
        node = members.setdefault(part, Node({}, _location(name)))
        if not isinstance(node.value, dict):
            _fail(name, f"{'.'.join(parts[:depth])!r} already has a value, from {node.location}; unset one of the two")
        members = node.value
    if parts[-1] in members:
        earlier = members[parts[-1]].location
        _fail(name, f"{'.'.join(parts)!r} already has a value, from {earlier}; unset one of the two")
    members[parts[-1]] = _hidden(from_plain(value, _location(name)))


def _hidden(node: Node) -> Node:
    """Marks a tree as substituted: the environment holds secrets, so messages must not quote it."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _hidden(item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_hidden(item) for item in value]
    return Node(value, node.location, substituted=True)


def _location(name: str) -> SourceLocation:
    return SourceLocation(f"env {name}")


def _fail(name: str, message: str) -> NoReturn:
    key = name.removeprefix(PREFIX).replace("_", ".")
    raise ConfigSourceError(message, key=key, location=_location(name))
