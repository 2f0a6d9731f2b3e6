"""Checks the paths of a finished entity, by which it is found later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from understage.catalog_api import EntityJson
from understage.errors import InputError

MAX_DEPTH = 100
NOT_INDEXED = frozenset(("attachments", "relations", "status"))
_TEXT = frozenset((str,))


def check_paths(entity: EntityJson) -> None:
    """Checks that no two paths differ in case only, which queries cannot tell apart, and that none is endless.

    Texts in lists may differ in case only, and so may what has no path in queries.

    Args:
        entity: the entity.

    Raises:
        InputError: names both paths, or the one that is too deep.
    """
    indexed = {name: value for name, value in entity.items() if name not in NOT_INDEXED}
    if not _is_plainly_fine(indexed):
        _check("", [indexed], 0)


def _is_plainly_fine(indexed: dict[str, Any]) -> bool:
    """Tells whether nothing is wrong, as far as that is seen without knowing any path; False means to look closer.

    Every entity passes here again and again, and hardly any has to be looked at closer.
    """
    level = [indexed]
    for _ in range(MAX_DEPTH):
        inner: list[dict[str, Any]] = []
        for members in level:
            if len({*map(str.lower, members)}) != len(members):
                return False
            for value in members.values():
                kind = type(value)
                if kind is dict:
                    inner.append(value)
                elif kind is list and not _TEXT.issuperset(map(type, value)) and not _is_plain_list(value):
                    return False
        if not inner:
            return True
        level = inner
    return False


def _is_plain_list(values: list[Any]) -> bool:
    """Tells whether a list holds nothing but objects of texts whose keys, all together, do not differ in case only."""
    keys: set[str] = set()
    for item in values:
        if type(item) is not dict or not _TEXT.issuperset(map(type, item.values())):
            return False
        keys.update(item)
    return len({*map(str.lower, keys)}) == len(keys)


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
