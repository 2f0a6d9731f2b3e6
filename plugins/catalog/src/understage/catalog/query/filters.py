"""The filter grammar of query parameters: `kind=component,spec.type=service`."""

from collections.abc import Mapping, Sequence
from typing import Any

from understage.catalog.query.predicates import EVERYTHING, HasKey, HasValue, Predicate, all_of, any_of, check_size
from understage.errors import InputError

FilterSet = Mapping[str, tuple[str, ...] | None]
"""Keys with the values that they may have; None for any."""


def parse_filters(parameters: Sequence[str]) -> list[FilterSet]:
    """Reads filter parameters: one of the sets must match, and of a set, all keys.

    Args:
        parameters: the texts of the parameter `filter`, in order.

    Raises:
        InputError: a statement has no key.
    """
    sets = [_parse_set(parameter) for parameter in parameters]
    return [one for one in sets if one]


def _parse_set(parameter: str) -> FilterSet:
    keys: dict[str, tuple[str, ...] | None] = {}
    for statement in parameter.split(","):
        key, equals, value = statement.partition("=")
        key, value = key.strip(), value.strip()
        if not statement.strip():
            continue
        if not key:
            raise InputError(
                f"Invalid filter, '{statement.strip()}' is not a valid statement "
                "(expected a string on the form a=b or a= or a)"
            )
        known = keys.get(key)
        if equals:
            keys[key] = (*(known or ()), value)
        elif key not in keys:
            keys[key] = None
    return keys


def filter_predicate(sets: Sequence[FilterSet]) -> Predicate:
    """Returns the condition that filter sets stand for; without any, everything matches.

    Raises:
        InputError: there are too many conditions.
    """
    conditions = tuple(all_of(*(_statement(key, values) for key, values in one.items())) for one in sets)
    if not conditions:
        return EVERYTHING
    return check_size(any_of(*conditions), "filter")


def _statement(key: str, values: tuple[str, ...] | None) -> Predicate:
    lowered = key.lower()
    return HasKey(lowered) if values is None else HasValue(lowered, tuple(value.lower() for value in values))


def filters_to_json(sets: Sequence[FilterSet]) -> dict[str, Any]:
    """Returns the form in which filter sets travel in cursors."""
    return {
        "anyOf": [
            {"allOf": [{"key": key, **({} if values is None else {"values": values})} for key, values in one.items()]}
            for one in sets
        ]
    }


def filters_from_json(form: Any) -> list[FilterSet]:
    """Reads filter sets out of a cursor.

    Raises:
        ValueError: the form is not what `filters_to_json` returns.
    """
    try:
        return [
            {
                str(statement["key"]): tuple(str(value) for value in statement["values"])
                if "values" in statement
                else None
                for statement in one["allOf"]
            }
            for one in form["anyOf"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError("unexpected filter") from error
