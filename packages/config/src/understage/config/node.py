"""The tree that configuration is kept in: plain values that remember where they were written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from understage.config.errors import ConfigError
from understage.config.keys import Path, path_text
from understage.config.location import SourceLocation
from understage.config.shapes import is_list, is_mapping

Scalar: TypeAlias = str | int | float | bool | None

NodeValue: TypeAlias = "Scalar | dict[str, Node] | list[Node]"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value with its origin. Never changed once built, so that trees may share nodes.

    Attributes:
        value: a scalar, or the members of an object or an array.
        location: where it was written.
        substituted: whether the value came from the environment or another file, so that messages must not quote it.
    """

    value: NodeValue
    location: SourceLocation | None = None
    substituted: bool = False


def merge(lower: Node, higher: Node) -> Node:
    """Lays one tree over another: objects are merged, everything else (null as well) is replaced as a whole.

    Args:
        lower: the tree of lower priority.
        higher: the tree that wins.
    """
    if not isinstance(lower.value, dict) or not isinstance(higher.value, dict):
        return higher
    members = dict(lower.value)
    for key, node in higher.value.items():
        below = members.get(key)
        members[key] = node if below is None else merge(below, node)
    return Node(members, higher.location)


def to_plain(node: Node) -> Any:
    """Returns the plain value of a tree. Null members of objects are left out: they read as missing."""
    value = node.value
    if isinstance(value, dict):
        return {key: to_plain(child) for key, child in value.items() if child.value is not None}
    if isinstance(value, list):
        return [to_plain(child) for child in value]
    return value


def from_plain(value: Any, location: SourceLocation | None = None, path: Path = ()) -> Node:
    """Builds a tree of plain data, all of it at one location.

    Args:
        value: objects, arrays and scalars as JSON knows them.
        location: the location of every node.
        path: where the value stands, for errors.

    Raises:
        ConfigError: something in it is no JSON value.
    """
    if value is None or isinstance(value, str | int | float):
        return Node(value, location)
    if is_mapping(value):
        return Node({str(k): from_plain(item, location, (*path, str(k))) for k, item in value.items()}, location)
    if is_list(value):
        return Node([from_plain(item, location, (*path, i)) for i, item in enumerate(value)], location)
    message = f"a {type(value).__name__} cannot be a configuration value; use text, numbers, booleans, lists and dicts"
    raise ConfigError(message, key=path_text(path), location=location)


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yields every node that has no members, with its path."""
    value = node.value
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            yield from leaves(child, (*path, index))
    else:
        yield path, node


def child(node: Node, part: str | int) -> Node | None:
    """Returns a member of an object or an element of an array, if there is one."""
    value = node.value
    if isinstance(value, dict):
        return value.get(part) if isinstance(part, str) else None
    if isinstance(value, list) and isinstance(part, int):
        return value[part] if 0 <= part < len(value) else None
    return None


def find(node: Node, path: Path) -> Node | None:
    """Returns the node at a path, if there is one."""
    found: Node | None = node
    for part in path:
        if found is None:
            return None
        found = child(found, part)
    return found


def nearest_location(node: Node, path: Path) -> SourceLocation | None:
    """Returns the location of the node at a path, or of the last one on the way that is there and not null."""
    location = node.location
    for part in path:
        found = child(node, part)
        if found is None or found.value is None:
            break
        node, location = found, found.location
    return location
