"""Reading configuration: the `Config` that services and plugins get."""

import difflib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from understage.config.errors import MissingConfigError
from understage.config.keys import Path, path_text, split_key
from understage.config.location import SourceLocation
from understage.config.node import Node, child, find, from_plain, nearest_location, to_plain
from understage.config.state import Callback, ConfigState, Subscription
from understage.config.typed import read_model
from understage.config.values import (
    ValueReader,
    as_array,
    as_boolean,
    as_duration,
    as_number,
    as_object,
    as_string,
    as_string_array,
)

T = TypeVar("T")


class Config:
    """A read-only view of the configuration, or of a section of it.

    Keys are dotted names (`backend.listen.port`). A null reads as missing. Every accessor raises `MissingConfigError`
    when a required value is absent, `ConfigTypeError` when a value, or a section on the way to it, is of another type,
    and `InvalidConfigKeyError` for a key that no configuration can have; all are `ConfigError`s that name file, line,
    column and key. The view is live: after a reload it reads the new values.
    """

    def __init__(self, state: ConfigState, path: Path = ()) -> None:
        self._state = state
        self._path = path

    def __repr__(self) -> str:
        return f"Config({path_text(self._path)!r})" if self._path else "Config()"

    def has(self, key: str) -> bool:
        """Tells whether a value is there and not null."""
        return self._find(key) is not None

    def keys(self) -> list[str]:
        """Returns the keys of this section whose values are not null, in their order."""
        node = self._find(None)
        return (
            [] if node is None else [key for key, item in as_object(node, self._path).items() if item.value is not None]
        )

    def get(self, key: str | None = None) -> Any:
        """Returns a value as plain data: objects without their null members, arrays and scalars.

        Args:
            key: the key within this section; without it, the section as a whole.
        """
        node = self._find(key)
        return to_plain(node if node is not None else self._missing(key))

    def get_optional(self, key: str | None = None) -> Any:
        """Returns a value as plain data, or None."""
        node = self._find(key)
        return None if node is None else to_plain(node)

    def get_config(self, key: str) -> "Config":
        """Returns a view of a section."""
        self._require(key, as_object)
        return Config(self._state, self._full(key))

    def get_optional_config(self, key: str) -> "Config | None":
        """Returns a view of a section, or None if it is absent or null."""
        return None if self._optional(key, as_object) is None else Config(self._state, self._full(key))

    def get_config_array(self, key: str) -> "list[Config]":
        """Returns a view of each element of an array of objects."""
        return self._views(key, self._require(key, _as_objects))

    def get_optional_config_array(self, key: str) -> "list[Config] | None":
        """Returns a view of each element of an array of objects, or None."""
        objects = self._optional(key, _as_objects)
        return None if objects is None else self._views(key, objects)

    def get_string(self, key: str) -> str:
        """Returns a text; the empty text is an error."""
        return self._require(key, as_string)

    def get_optional_string(self, key: str) -> str | None:
        """Returns a text, or None; the empty text is an error."""
        return self._optional(key, as_string)

    def get_number(self, key: str) -> int | float:
        """Returns a number, also one that is written as text."""
        return self._require(key, as_number)

    def get_optional_number(self, key: str) -> int | float | None:
        """Returns a number, also one that is written as text, or None."""
        return self._optional(key, as_number)

    def get_boolean(self, key: str) -> bool:
        """Returns a boolean, also one written as true/false, yes/no, y/n, on/off or 1/0."""
        return self._require(key, as_boolean)

    def get_optional_boolean(self, key: str) -> bool | None:
        """Returns a boolean, also one written as true/false, yes/no, y/n, on/off or 1/0, or None."""
        return self._optional(key, as_boolean)

    def get_string_array(self, key: str) -> list[str]:
        """Returns an array of texts, none of them empty."""
        return self._require(key, as_string_array)

    def get_optional_string_array(self, key: str) -> list[str] | None:
        """Returns an array of texts, none of them empty, or None."""
        return self._optional(key, as_string_array)

    def get_duration(self, key: str) -> timedelta:
        """Returns a duration, written as `30s`, `2 hours`, `PT1H` or an object of plural units."""
        return self._require(key, as_duration)

    def get_optional_duration(self, key: str) -> timedelta | None:
        """Returns a duration, written as `30s`, `2 hours`, `PT1H` or an object of plural units, or None."""
        return self._optional(key, as_duration)

    def read(self, model: type[T], key: str | None = None) -> T:
        """Reads a section into a typed model; an absent section reads as an empty one, so that defaults apply.

        Numbers and booleans written as text are converted, `timedelta` fields read every form of a duration, and all
        problems are reported at once.

        Args:
            model: a `msgspec.Struct`, a dataclass, a pydantic model, or any type that msgspec can convert to.
            key: the section; without it, this view as a whole.

        Raises:
            ConfigError: the section does not fit the model.
        """
        path = self._full(key)
        node = self._find(key)
        return read_model(model, Node({}, self._nearest(path)) if node is None else node, path)

    def subscribe(self, callback: Callback) -> Subscription:
        """Calls back after each reload that changed this section.

        Args:
            callback: called without arguments on the event loop; what it raises is logged.
        """
        seen = self._plain()

        def compare() -> None:
            nonlocal seen
            before, seen = seen, self._plain()
            if before != seen:
                callback()

        return self._state.subscribe(compare)

    def location_of(self, key: str | Sequence[str | int] | None = None) -> SourceLocation | None:
        """Returns where a value was written, or None if there is none.

        Args:
            key: a dotted key, or a sequence of member names and array indexes for what dotted keys cannot name.
        """
        path = self._full(key) if key is None or isinstance(key, str) else (*self._path, *key)
        node = find(self._state.root, path)
        return None if node is None or node.value is None else node.location

    def node(self) -> Node:
        """Returns the tree below this view with its locations, for tools that show or check configuration."""
        return find(self._state.root, self._path) or Node({})

    @property
    def source_names(self) -> tuple[str, ...]:
        """The names of the sources, lowest priority first."""
        return self._state.sources

    def _plain(self) -> Any:
        node = find(self._state.root, self._path)
        return None if node is None else to_plain(node)

    def _full(self, key: str | None) -> Path:
        return (*self._path, *split_key(key))

    def _find(self, key: str | None) -> Node | None:
        node: Node | None = self._state.root
        path = self._full(key)
        for depth, part in enumerate(path):
            if node is None or node.value is None:
                return None
            node = child(node, part) if isinstance(part, int) else as_object(node, path[:depth]).get(part)
        return None if node is None or node.value is None else node

    def _require(self, key: str, read: ValueReader[T]) -> T:
        value = self._optional(key, read)
        return self._missing(key) if value is None else value

    def _optional(self, key: str, read: ValueReader[T]) -> T | None:
        node = self._find(key)
        return None if node is None else read(node, self._full(key))

    def _views(self, key: str, objects: list[Node]) -> "list[Config]":
        path = self._full(key)
        return [Config(self._state, (*path, index)) for index in range(len(objects))]

    def _nearest(self, path: Path) -> SourceLocation | None:
        # The root's own location says nothing: it is merged from all sources.
        first = child(self._state.root, path[0]) if path else None
        return None if first is None or first.value is None else nearest_location(first, path[1:])

    def _missing(self, key: str | None) -> NoReturn:
        path = self._full(key)
        node = find(self._state.root, path)
        sources = ", ".join(self._state.sources) or "no source"
        why = "is null" if node is not None and node.value is None else "is missing"
        message = f"required value {why} (read: {sources}){self._suggestion(path)}"
        location = self._nearest(path) if node is None else node.location
        raise MissingConfigError(message, key=path_text(path), location=location)

    def _suggestion(self, path: Path) -> str:
        section = find(self._state.root, path[:-1])
        siblings = section.value if section is not None and isinstance(section.value, dict) else {}
        near = difflib.get_close_matches(str(path[-1]), siblings, n=1, cutoff=0.8) if path else []
        return f"; did you mean {near[0]!r}?" if near and near[0] != path[-1] else ""


def config_from_data(data: Any, name: str = "mock-config") -> Config:
    """Makes a configuration of plain data, for tests and tools.

    Args:
        data: nested dicts, lists and scalars; nothing is substituted in it.
        name: the source's name in errors.
    """
    return Config(ConfigState(from_plain(data, SourceLocation(name)), (name,)))


def _as_objects(node: Node, path: Path) -> list[Node]:
    elements = as_array(node, path, "an array of objects")
    for index, element in enumerate(elements):
        as_object(element, (*path, index))
    return elements
