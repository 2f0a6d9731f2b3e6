"""Conditions and how they combine: all of these, any of these, not this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, cast

import msgspec
from typing_extensions import TypeVar

from understage.errors import InputError

MAX_DEPTH = 100

LeafT = TypeVar("LeafT")
OtherT = TypeVar("OtherT")


class Condition(msgspec.Struct, frozen=True):
    """Asks whether a resource fulfils a rule.

    Attributes:
        rule: the rule's name.
        resource_type: the kind of resource.
        params: the rule's parameters as JSON data, or None.
    """

    rule: str
    resource_type: str
    params: Mapping[str, Any] | None = None


class AllOf(msgspec.Struct, Generic[LeafT], frozen=True):
    """Fulfilled if all parts are.

    Attributes:
        parts: at least one.
    """

    parts: tuple[PermissionCriteria[LeafT], ...]


class AnyOf(msgspec.Struct, Generic[LeafT], frozen=True):
    """Fulfilled if one of the parts is.

    Attributes:
        parts: at least one.
    """

    parts: tuple[PermissionCriteria[LeafT], ...]


class Not(msgspec.Struct, Generic[LeafT], frozen=True):
    """Fulfilled if its part is not.

    Attributes:
        part: what must not be.
    """

    part: PermissionCriteria[LeafT]


PermissionCriteria: TypeAlias = AllOf[LeafT] | AnyOf[LeafT] | Not[LeafT] | LeafT


def evaluate(criteria: PermissionCriteria[LeafT], judge: Callable[[LeafT], bool]) -> bool:
    """Tells whether criteria are fulfilled.

    Args:
        criteria: what is asked; empty ones are never fulfilled.
        judge: tells it of a single condition.
    """
    match criteria:
        case AllOf(parts):
            return bool(parts) and all(evaluate(part, judge) for part in parts)
        case AnyOf(parts):
            return any(evaluate(part, judge) for part in parts)
        case Not(part):
            return not evaluate(part, judge)
        case leaf:
            return judge(leaf)


def transform(criteria: PermissionCriteria[LeafT], change: Callable[[LeafT], OtherT]) -> PermissionCriteria[OtherT]:
    """Returns criteria of the same shape about something else, such as queries in place of conditions.

    Args:
        criteria: what to change.
        change: returns what takes the place of a condition.
    """
    match criteria:
        case AllOf(parts):
            return AllOf(tuple(transform(part, change) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(transform(part, change) for part in parts))
        case Not(part):
            return Not(transform(part, change))
        case leaf:
            return change(leaf)


def criteria_to_json(criteria: PermissionCriteria[Condition]) -> dict[str, Any]:
    """Returns criteria as they travel: `{"allOf": [...]}`, `{"anyOf": [...]}`, `{"not": ...}` or a condition."""
    match criteria:
        case AllOf(parts):
            return {"allOf": [criteria_to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"anyOf": [criteria_to_json(part) for part in parts]}
        case Not(part):
            return {"not": criteria_to_json(part)}
        case Condition(rule, resource_type, params):
            shown: dict[str, Any] = {"rule": rule, "resourceType": resource_type}
            return shown if params is None else {**shown, "params": dict(params)}


def criteria_from_json(data: Any, *, path: str = "conditions") -> PermissionCriteria[Condition]:
    """Reads criteria as they travel.

    Args:
        data: the JSON data.
        path: where it was found, for messages.

    Raises:
        InputError: they are malformed: the message says where and why.
    """
    return _read(data, path, MAX_DEPTH)


def _read(data: Any, path: str, depth: int) -> PermissionCriteria[Condition]:
    if depth == 0:
        raise InputError(f"{path}: conditions are nested more than {MAX_DEPTH} deep")
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected an object with 'allOf', 'anyOf', 'not' or 'rule'")
    members = cast("dict[str, Any]", data)
    if "anyOf" in members:
        return AnyOf(_read_parts(members["anyOf"], f"{path}.anyOf", depth))
    if "allOf" in members:
        return AllOf(_read_parts(members["allOf"], f"{path}.allOf", depth))
    if "not" in members:
        return Not(_read(members["not"], f"{path}.not", depth - 1))
    return _read_condition(members, path)


def _read_parts(data: Any, path: str, depth: int) -> tuple[PermissionCriteria[Condition], ...]:
    if not isinstance(data, list) or not data:
        raise InputError(f"{path}: expected a list of at least one condition")
    parts: list[Any] = data
    return tuple(_read(part, f"{path}[{index}]", depth - 1) for index, part in enumerate(parts))


def _read_condition(members: Mapping[str, Any], path: str) -> Condition:
    for key in ("rule", "resourceType"):
        if not isinstance(members.get(key), str):
            raise InputError(f"{path}.{key}: expected a text")
    params = members.get("params")
    if params is not None and not isinstance(params, dict):
        raise InputError(f"{path}.params: expected an object")
    return Condition(members["rule"], members["resourceType"], params)
