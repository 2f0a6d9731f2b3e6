"""What permission rules search for, as predicates."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import TypeVar

from understage.catalog.query import predicates
from understage.catalog.query.predicates import NOTHING, HasKey, HasValue, Predicate
from understage.catalog_api.permission_rules import EntitiesSearchFilter, EntitySearch
from understage.plugin_api import AllOf, AnyOf, Not, PermissionCriteria

LeafT = TypeVar("LeafT")


def search_predicate(search: EntitySearch) -> Predicate:
    """Returns the predicate that holds for the entities which a search finds."""
    return criteria_predicate(search, _filter_predicate)


def criteria_predicate(criteria: PermissionCriteria[LeafT], leaf: Callable[[LeafT], Predicate]) -> Predicate:
    """Returns the predicate that criteria stand for; a combination of nothing never holds.

    Args:
        criteria: conditions or filters, combined or single.
        leaf: returns the predicate of a single one.
    """
    match criteria:
        case AllOf(parts):
            return predicates.all_of(*(criteria_predicate(part, leaf) for part in parts)) if parts else NOTHING
        case AnyOf(parts):
            return predicates.any_of(*(criteria_predicate(part, leaf) for part in parts)) if parts else NOTHING
        case Not(part):
            return predicates.Not(criteria_predicate(part, leaf))
        case single:
            return leaf(single)


def _filter_predicate(wanted: EntitiesSearchFilter) -> Predicate:
    if "\0" in wanted.key:
        return NOTHING  # no entity has such a key, and databases refuse to look for it
    if wanted.values is None:
        return HasKey(wanted.key)
    return HasValue(wanted.key, tuple(value for value in wanted.values if "\0" not in value))
