"""The predicate grammar of request bodies: `{"kind": "component", "spec.type": {"$in": ["service", "job"]}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understage.catalog.processing.search_rows import scalar_text
from understage.catalog.query.predicates import (
    AnyOf,
    HasKey,
    HasPrefix,
    HasValue,
    Not,
    Predicate,
    all_of,
    check_size,
)
from understage.errors import InputError

MAX_DEPTH = 50
_LOGICAL = ("$all", "$any", "$not")
_MATCHERS = ("$exists", "$in", "$contains", "$hasPrefix")


def parse_predicate(query: Any) -> Predicate:
    """Reads a predicate.

    Args:
        query: a JSON object: `$all`, `$any` or `$not`, or dotted paths with what their values must be.

    Raises:
        InputError: says where the predicate is wrong, and what is expected there.
    """
    return check_size(_predicate(query, "query", 0), "query")


def _predicate(query: Any, path: str, depth: int) -> Predicate:
    if depth > MAX_DEPTH:
        raise InputError(f"{path}: the predicate is nested more than {MAX_DEPTH} deep")
    if not isinstance(query, Mapping):
        raise InputError(f"{path}: expected an object; top-level primitive values are not supported in predicates")
    operators = [key for key in query if key.startswith("$")]
    if not operators:
        return all_of(*(_field(key, value, f"{path}.{key}") for key, value in query.items()))
    operator = operators[0]
    if operator not in _LOGICAL:
        raise InputError(f"{path}: unknown operator '{operator}', expected one of {', '.join(_LOGICAL)}")
    if len(query) > 1:
        raise InputError(f"{path}: '{operator}' must be the only member of its object")
    value = query[operator]
    if operator == "$not":
        return Not(_predicate(value, f"{path}.$not", depth + 1))
    if not isinstance(value, list):
        raise InputError(f"{path}.{operator}: expected a list of predicates")
    conditions = [_predicate(one, f"{path}.{operator}[{index}]", depth + 1) for index, one in enumerate(value)]
    return all_of(*conditions) if operator == "$all" else AnyOf(tuple(conditions))


def _field(key: str, value: Any, path: str) -> Predicate:
    lowered = key.lower()
    if isinstance(value, str | int | float):
        return HasValue(lowered, (_text(value),))
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{path}: expected a text, number, boolean, or an object with one of {', '.join(_MATCHERS)}")
    unknown = [matcher for matcher in value if matcher not in _MATCHERS]
    if unknown or len(value) > 1:
        raise InputError(f"{path}: expected exactly one of {', '.join(_MATCHERS)}, got {', '.join(value)}")
    ((matcher, operand),) = value.items()
    return _matcher(lowered, matcher, operand, f"{path}.{matcher}")


def _matcher(key: str, matcher: str, operand: Any, path: str) -> Predicate:
    match matcher:
        case "$exists" if isinstance(operand, bool):
            return HasKey(key) if operand else Not(HasKey(key))
        case "$in" if isinstance(operand, list) and all(isinstance(one, str | int | float) for one in operand):
            return HasValue(key, tuple(_text(one) for one in operand))
        case "$hasPrefix" if isinstance(operand, str):
            return HasPrefix(key, operand.lower())
        case "$contains" if isinstance(operand, str | int | float):
            return HasValue(key, (_text(operand),))
        case "$contains" if isinstance(operand, Mapping) and key == "relations":
            return _relation(operand, path)
        case _:
            expected = {
                "$exists": "true or false",
                "$in": "a list of texts, numbers or booleans",
                "$hasPrefix": "a text",
                "$contains": "a text, number or boolean, or, for 'relations' only, an object",
            }
            raise InputError(f"{path}: expected {expected[matcher]}")


def _relation(operand: Mapping[str, Any], path: str) -> Predicate:
    members = {name.lower(): value for name, value in operand.items()}
    kind, target = members.pop("type", None), members.pop("targetref", None)
    if members or not isinstance(kind, str):
        raise InputError(f"{path}: expected a 'type' and maybe a 'targetRef', got {', '.join(operand) or 'nothing'}")
    key = f"relations.{kind}".lower()
    if target is None:
        return HasKey(key)
    if isinstance(target, str):
        return HasValue(key, (target.lower(),))
    refs = target.get("$in") if isinstance(target, Mapping) and len(target) == 1 else None
    if not isinstance(refs, list) or not refs or not all(isinstance(ref, str) for ref in refs):
        raise InputError(f"{path}.targetRef: expected a text, or '$in' with a list of texts that is not empty")
    return HasValue(key, tuple(ref.lower() for ref in refs))


def _text(value: str | float | bool) -> str:
    text = value if isinstance(value, str) else scalar_text(value)
    return (text or "").lower()
