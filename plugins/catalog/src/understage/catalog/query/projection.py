"""Projections: the members of entities that a request wants."""

from collections.abc import Sequence
from typing import Any

from understage.catalog_api import EntityJson
from understage.errors import InputError

_MISSING = object()


def parse_fields(parameters: Sequence[str]) -> tuple[str, ...]:
    """Reads the parameter `fields`: dotted paths, separated by commas or repeated.

    Raises:
        InputError: a path has brackets.
    """
    fields = tuple(field.strip() for parameter in parameters for field in parameter.split(","))
    for field in fields:
        if "[" in field:
            raise InputError(f"invalid field '{field}', array type fields are not supported")
    return tuple(field for field in fields if field)


def project(entity: EntityJson, fields: Sequence[str]) -> EntityJson:
    """Returns the members of an entity that paths lead to; those it lacks are left out.

    Args:
        entity: the entity.
        fields: dotted paths; a part may lie in a key that has dots itself. The case counts.
    """
    projected: EntityJson = {}
    for field in fields:
        path, value = _find(entity, field)
        if value is not _MISSING:
            _put(projected, path, value)
    return projected


def _find(value: Any, rest: str) -> tuple[list[str], Any]:
    if not isinstance(value, dict):
        return [], _MISSING
    end = rest.find(".")
    while end >= 0:
        key = rest[:end]
        if key in value:
            path, found = _find(value[key], rest[end + 1 :])
            if found is not _MISSING:
                return [key, *path], found
        end = rest.find(".", end + 1)
    return [rest], value.get(rest, _MISSING)


def _put(target: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for key in parents:
        inner = target.get(key)
        # What is projected as a whole already holds this as well; a copy keeps the entity itself as it is.
        target[key] = dict(inner) if isinstance(inner, dict) else {}
        target = target[key]
    target[last] = value
