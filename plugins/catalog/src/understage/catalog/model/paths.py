"""Checks the paths of a finished entity, by which it is found later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from understage.catalog_api import EntityJson
from understage.errors import InputError

MAX_DEPTH = 100
NOT_INDEXED = frozenset(("attachments", "relations", "status"))


def check_paths(entity: EntityJson) -> None:
    """Checks that no two paths differ in case only, which queries cannot tell apart, and that none is endless.

    Texts in lists may differ in case only, and so may what has no path in queries.

    Args:
        entity: the entity.

    Raises:
        InputError: names both paths, or the one that is too deep.
    """
    _check("", [{name: value for name, value in entity.items() if name not in NOT_INDEXED}], 0)


def _check(path: str, objects: Sequence[dict[str, Any]], depth: int) -> None:
    """Checks all objects that stand at a path: members of lists share the path of their list."""
    if depth > MAX_DEPTH:
        raise InputError(f"Entity is nested more than {MAX_DEPTH} deep, at '{path[:200]}'")
    members = objects[0] if len(objects) == 1 else _joined(objects)
    if len({*map(str.lower, members)}) != len(members):
        _refuse_spellings(path, members)
    for key, value in members.items():
        # Every entity passes here every two minutes: most values are texts, and most objects stand alone.
        if type(value) is dict:
            _check(f"{path}{key}.", (value,), depth + 1)
        elif type(value) is list:
            inner = _objects(value, depth)
            if inner:
                _check(f"{path}{key}.", inner, depth + 1)


def _joined(objects: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Returns the members of several objects, each with all its values."""
    members: dict[str, list[Any]] = {}
    for item in objects:
        for key, value in item.items():
            members.setdefault(key, []).append(value)
    return members


def _refuse_spellings(path: str, keys: Iterable[str]) -> None:
    spellings: dict[str, str] = {}
    for key in keys:
        other = spellings.setdefault(key.lower(), key)
        if other != key:
            raise InputError(
                f"Entity has duplicate keys that vary only in casing, '{path}{other}' and '{path}{key}'; "
                "queries do not tell them apart: remove or rename one of them"
            )


def _objects(values: Sequence[Any], depth: int) -> list[dict[str, Any]]:
    """Returns the objects among some values, those in lists too."""
    if depth > MAX_DEPTH:
        raise InputError(f"Entity has lists in lists that are nested more than {MAX_DEPTH} deep")
    found: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, dict):
            found.append(value)
        elif isinstance(value, list):
            found += _objects(value, depth + 1)
    return found
