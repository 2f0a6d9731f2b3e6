"""Making a tree ready for msgspec: text becomes what a field's type asks for, problems keep their place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from msgspec import inspect

from understage.config.errors import ConfigError
from understage.config.keys import Path, path_text
from understage.config.node import Node, to_plain
from understage.config.problem import Problem
from understage.config.values import ValueReader, as_boolean, as_duration, as_number, as_object, describe

T = TypeVar("T")

_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_SCALARS: Mapping[type[inspect.Type], ValueReader[Any]] = {
    inspect.BoolType: as_boolean,
    inspect.TimeDeltaType: as_duration,
    inspect.FloatType: as_number,
}


class Preparation:
    """Walks a tree along a type, converts what configuration allows, and collects everything that is wrong.

    Args:
        path: where the tree stands, for problems.
    """

    def __init__(self, path: Path) -> None:
        self._root = path
        self.problems: list[Problem] = []

    def prepare(self, node: Node, wanted: inspect.Type) -> Any:
        """Returns plain data for msgspec; what it cannot judge, msgspec does."""
        return self._prepare(node, wanted, self._root)

    def _prepare(self, node: Node, wanted: inspect.Type, path: Path) -> Any:
        if isinstance(wanted, inspect.Metadata):
            shown = replace(node, substituted=True) if _is_secret(wanted) else node
            return self._prepare(shown, wanted.type, path)
        if isinstance(wanted, inspect.UnionType):
            return self._union(node, wanted, path)
        if isinstance(wanted, _OBJECTS):
            return self._object(node, wanted, path)
        if isinstance(wanted, inspect.DictType):
            return self._dict(node, wanted.value_type, path)
        if isinstance(wanted, inspect.ListType | inspect.SetType | inspect.FrozenSetType | inspect.VarTupleType):
            return self._array(node, wanted.item_type, path)
        read = _scalar_reader(wanted)
        return to_plain(node) if read is None else self._checked(node, path, read)

    def _checked(self, node: Node, path: Path, read: ValueReader[T]) -> T | None:
        try:
            return read(node, path)
        except ConfigError as error:
            self._found(node, path, error.detail)
            return None

    def _object(
        self, node: Node, wanted: inspect.StructType | inspect.DataclassType | inspect.TypedDictType, path: Path
    ) -> Any:
        if isinstance(wanted, inspect.StructType) and (wanted.array_like or wanted.tag is not None):
            return to_plain(node)
        members = self._checked(node, path, as_object)
        if members is None:
            return None
        fields = {field.encode_name: field for field in wanted.fields}
        prepared: dict[str, Any] = {}
        for key, child in members.items():
            if child.value is None:
                continue
            if key in fields:
                prepared[key] = self._prepare(child, fields[key].type, (*path, key))
            elif isinstance(wanted, inspect.StructType) and wanted.forbid_unknown_fields:
                self._found(child, (*path, key), f"unknown key; known are {', '.join(sorted(fields))}")
        for name, field in fields.items():
            if field.required and (name not in members or members[name].value is None):
                self._found(node, (*path, name), "required value is missing")
        return prepared

    def _dict(self, node: Node, item: inspect.Type, path: Path) -> Any:
        members: dict[str, Node] = self._checked(node, path, as_object) or {}
        present = {key: member for key, member in members.items() if member.value is not None}
        return {key: self._prepare(member, item, (*path, key)) for key, member in present.items()}

    def _array(self, node: Node, item: inspect.Type, path: Path) -> Any:
        if not isinstance(node.value, list):
            self._found(node, path, f"expected an array, got {describe(node, path)}")
            return []
        return [self._prepare(child, item, (*path, index)) for index, child in enumerate(node.value)]

    def _union(self, node: Node, wanted: inspect.UnionType, path: Path) -> Any:
        if node.value is None:
            return None
        options = [option for option in map(_bare, wanted.types) if not isinstance(option, inspect.NoneType)]
        fitting = [option for option in options if _fits(node, option)] or options
        # With several candidates left, guessing would give a worse message than msgspec's, which names them all.
        return self._prepare(node, fitting[0], path) if len(fitting) == 1 else to_plain(node)

    def _found(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(Problem(message, path_text(path), node.location))


def _is_secret(wanted: inspect.Metadata) -> bool:
    extra = wanted.extra_json_schema or {}
    return "secret" in (extra.get("visibility"), extra.get("deepVisibility"))


def _bare(wanted: inspect.Type) -> inspect.Type:
    return _bare(wanted.type) if isinstance(wanted, inspect.Metadata) else wanted


def _fits(node: Node, wanted: inspect.Type) -> bool:
    value = node.value
    if isinstance(value, dict):
        return isinstance(wanted, (*_OBJECTS, inspect.DictType, inspect.TimeDeltaType))
    if isinstance(value, list):
        return isinstance(wanted, inspect.ListType | inspect.SetType | inspect.FrozenSetType | inspect.VarTupleType)
    if isinstance(value, bool):
        return isinstance(wanted, inspect.BoolType)
    if isinstance(value, int | float):
        return isinstance(wanted, inspect.IntType | inspect.FloatType)
    return isinstance(wanted, inspect.StrType | inspect.LiteralType | inspect.EnumType | inspect.TimeDeltaType)


def _scalar_reader(wanted: inspect.Type) -> ValueReader[Any] | None:
    if isinstance(wanted, inspect.StrType):
        return _as_text
    return _as_integer if isinstance(wanted, inspect.IntType) else _SCALARS.get(type(wanted))


def _as_text(node: Node, path: Path) -> str:
    if isinstance(node.value, str):
        return node.value
    message = f"expected a string, got {describe(node, path)}"
    raise ConfigError(message, key=path_text(path), location=node.location)


def _as_integer(node: Node, path: Path) -> int | float:
    number = as_number(node, path)
    return int(number) if isinstance(number, float) and number.is_integer() else number
