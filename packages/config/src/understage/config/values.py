"""Nodes read as values of a certain type, with errors that say what was found instead."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn, TypeAlias, TypeVar

from understage.config.durations import parse_duration
from understage.config.errors import ConfigError, ConfigTypeError
from understage.config.keys import Path, path_text
from understage.config.node import Node, to_plain
from understage.config.numbers import to_boolean, to_number
from understage.errors import InputError

T = TypeVar("T")

ValueReader: TypeAlias = Callable[[Node, Path], T]

_SENSITIVE = re.compile(r"secret|token|passw|credential|private|key|connection", re.IGNORECASE)
_QUOTED_LENGTH = 60


def kind(node: Node) -> str:
    """Names the type of a node's value with its article; empty text is a type of its own."""
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    return "an object" if isinstance(value, dict) else "an array"


def describe(node: Node, path: Path) -> str:
    """Names a value's type and quotes it, unless it may be a secret."""
    value = node.value
    if node.substituted or not value or isinstance(value, dict | list | bool):
        return kind(node)
    if any(isinstance(part, str) and _SENSITIVE.search(part) for part in path):
        return kind(node)
    text = repr(value)
    return f"{kind(node)} ({text if len(text) <= _QUOTED_LENGTH else text[:_QUOTED_LENGTH] + '...'})"


def expected(wanted: str, node: Node, path: Path) -> NoReturn:
    """Raises the error for a value of the wrong type.

    Args:
        wanted: what was expected, with its article.
        node: what is there.
        path: its path.
    """
    message = f"expected {wanted}, got {describe(node, path)}"
    raise ConfigTypeError(message, key=path_text(path), location=node.location)


def as_string(node: Node, path: Path) -> str:
    """Reads text that is not empty."""
    return node.value if isinstance(node.value, str) and node.value else expected("a string", node, path)


def as_number(node: Node, path: Path) -> int | float:
    """Reads a number, or text that spells one."""
    number = to_number(node.value)
    return expected("a number", node, path) if number is None else number


def as_boolean(node: Node, path: Path) -> bool:
    """Reads a boolean, or text or a number that spells one."""
    boolean = to_boolean(node.value)
    return expected("a boolean", node, path) if boolean is None else boolean


def as_array(node: Node, path: Path, wanted: str) -> list[Node]:
    """Returns the elements of an array."""
    return node.value if isinstance(node.value, list) else expected(wanted, node, path)


def as_string_array(node: Node, path: Path) -> list[str]:
    """Reads an array of texts, none of them empty."""
    elements = as_array(node, path, "an array of strings")
    return [as_string(element, (*path, index)) for index, element in enumerate(elements)]


def as_object(node: Node, path: Path) -> dict[str, Node]:
    """Returns the members of an object."""
    return node.value if isinstance(node.value, dict) else expected("an object", node, path)


def as_duration(node: Node, path: Path) -> timedelta:
    """Reads a duration: text, ISO 8601, or an object of units."""
    if not isinstance(node.value, str | dict) or not node.value:
        expected("a duration such as '30s', 'PT1H' or {minutes: 5}", node, path)
    try:
        return parse_duration(to_plain(node))
    except InputError as error:
        message = f"{error}; got {describe(node, path)}"
        raise ConfigError(message, key=path_text(path), location=node.location) from None
