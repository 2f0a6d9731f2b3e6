"""Which locations a query is about. Locations are few, so queries are evaluated here and not by the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understage.catalog.database.locations import Location
from understage.catalog.query.json_predicates import parse_predicate
from understage.catalog.query.predicates import AllOf, AnyOf, HasKey, HasPrefix, HasText, HasValue, Not, Predicate
from understage.errors import InputError

_FIELDS = ("id", "type", "target", "entityref")
_NOTHING: Mapping[str, Any] = {"$any": []}


def parse_location_query(query: Any) -> Predicate:
    """Reads a query for locations: the predicate grammar over `id`, `type`, `target` and `entityRef`.

    Unlike entities, an empty `$all` means no location, and `$contains` never holds.

    Raises:
        InputError: it is malformed, or names another member.
    """
    predicate = parse_predicate(_adapted(query))
    _check(predicate)
    return predicate


def matches(predicate: Predicate, location: Location) -> bool:
    """Tells whether a location is meant."""
    match predicate:
        case AllOf(conditions):
            return all(matches(one, location) for one in conditions)
        case AnyOf(conditions):
            return any(matches(one, location) for one in conditions)
        case Not(condition):
            return not matches(condition, location)
        case HasKey():
            return True
        case HasValue(key, values):
            return _value(location, key) in values
        case HasPrefix(key, prefix):
            return _value(location, key).startswith(prefix)
        case HasText(keys, text):
            return any(text in _value(location, key) for key in keys)


def _adapted(query: Any) -> Any:
    if not isinstance(query, Mapping):
        return query
    if query.get("$all") == []:
        return {**query, "$all": [_NOTHING]}
    adapted: dict[str, Any] = {}
    for key, value in query.items():
        if key in ("$all", "$any") and isinstance(value, list):
            adapted[key] = [_adapted(one) for one in value]
        elif key == "$not":
            adapted[key] = _adapted(value)
        elif isinstance(value, Mapping) and set(value) == {"$contains"}:
            adapted[key] = {"$in": []}
        else:
            adapted[key] = value
    return adapted


def _check(predicate: Predicate) -> None:
    match predicate:
        case AllOf(conditions) | AnyOf(conditions):
            for one in conditions:
                _check(one)
        case Not(condition):
            _check(condition)
        case HasKey(key) | HasValue(key, _) | HasPrefix(key, _):
            if key not in _FIELDS:
                raise InputError(f"query: a location has no '{key}', expected one of id, type, target, entityRef")
        case HasText():
            return


def _value(location: Location, key: str) -> str:
    found = location.entity_ref if key == "entityref" else str(getattr(location, key))
    return found.lower()
