"""Filters of entities: as parameters where their grammar can say them, else as predicates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from understage.errors import InputError


class FilterExists(msgspec.Struct, frozen=True):
    """Stands for any value in a filter; use `FILTER_EXISTS`."""


FILTER_EXISTS: Final = FilterExists()
FilterValue = str | FilterExists | Sequence[str]
EntityFilter = Mapping[str, FilterValue] | Sequence[Mapping[str, FilterValue]]
"""Keys with the values that they may have. Of several mappings one must match; of one mapping, all keys."""
Predicate = Mapping[str, Any]
"""A query such as `{"kind": "component", "$not": {"spec.type": {"$in": ["a", "b"]}}}`."""


def filter_sets(entity_filter: EntityFilter | None) -> list[Mapping[str, FilterValue]]:
    """Returns the sets of a filter, of which one must match; none if everything matches."""
    if entity_filter is None:
        return []
    sets = [entity_filter] if isinstance(entity_filter, Mapping) else list(entity_filter)
    return sets if all(sets) else []


def is_sayable(entity_filter: EntityFilter | None) -> bool:
    """Tells whether the grammar of parameters can say a filter: it parts at commas and trims blanks."""
    return all(
        _is_plain(key)
        and "=" not in key
        and (isinstance(value, FilterExists) or (bool(value) and all(map(_is_plain, _texts(value)))))
        for one in filter_sets(entity_filter)
        for key, value in one.items()
    )


def filter_parameters(entity_filter: EntityFilter | None) -> list[tuple[str, str]]:
    """Returns a filter as query parameters.

    Raises:
        InputError: the grammar of parameters cannot say it.
    """
    if not is_sayable(entity_filter):
        raise InputError(
            f"The filter {entity_filter!r} cannot be sent as a parameter: there can be no commas or outer blanks in "
            "its keys and values, no equals signs in keys, and no empty lists; query_entities sends such as a predicate"
        )
    return [("filter", ",".join(_statements(one))) for one in filter_sets(entity_filter)]


def as_predicate(entity_filter: EntityFilter | None, query: Predicate | None) -> Predicate | None:
    """Returns the predicate that holds where both a filter and a predicate hold; None if there is neither."""
    sets = [_set_predicate(one) for one in filter_sets(entity_filter)]
    if not sets:
        return query
    filtered = sets[0] if len(sets) == 1 else {"$any": sets}
    return filtered if query is None else {"$all": [query, filtered]}


def _set_predicate(one: Mapping[str, FilterValue]) -> Predicate:
    return {key: _value_predicate(value) for key, value in one.items()}


def _value_predicate(value: FilterValue) -> Any:
    if isinstance(value, FilterExists):
        return {"$exists": True}
    return value if isinstance(value, str) else {"$in": list(value)}


def _statements(one: Mapping[str, FilterValue]) -> Iterator[str]:
    for key, value in one.items():
        if isinstance(value, FilterExists):
            yield key
        else:
            yield from (f"{key}={text}" for text in _texts(value))


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _is_plain(text: str) -> bool:
    return "," not in text and text == text.strip()
