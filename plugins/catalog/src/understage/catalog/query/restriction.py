"""Joins what is asked for with what may be seen, so that the database has as little as possible to find out."""

from __future__ import annotations

from understage.catalog.query.predicates import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    HasValue,
    Not,
    Predicate,
    all_of,
    conjuncts,
)


def restricted(wanted: Predicate, readable: Predicate) -> Predicate:
    """Returns the condition that an entity is wanted and readable.

    A policy such as "what I own, and all groups" comes down to "what I own" where components are asked for: then an
    index leads to the few that match.

    Args:
        wanted: what is asked for.
        readable: what may be seen.
    """
    if readable == EVERYTHING or wanted == NOTHING:
        return wanted
    found = conjuncts(all_of(readable, wanted))
    kinds = _common_kinds(found)
    if kinds is None:
        return all_of(*found)
    rest = [_given_kinds(one, kinds) for one in found if not _is_kind(one)]
    # An entity has one kind only.
    return all_of(HasValue("kind", kinds), *rest) if kinds else NOTHING


def _is_kind(condition: Predicate) -> bool:
    return isinstance(condition, HasValue) and condition.key == "kind"


def _common_kinds(conditions: tuple[Predicate, ...]) -> tuple[str, ...] | None:
    """Returns the kinds that all conditions on it leave, or None if there is no such condition."""
    common: tuple[str, ...] | None = None
    for one in conditions:
        if isinstance(one, HasValue) and one.key == "kind":
            common = tuple(kind for kind in (one.values if common is None else common) if kind in one.values)
    return common


def _given_kinds(predicate: Predicate, kinds: tuple[str, ...]) -> Predicate:
    """Returns what is left of a condition on entities that are known to be of some kinds."""
    match predicate:
        case HasValue("kind", values):
            if set(kinds) <= set(values):
                return EVERYTHING
            return NOTHING if set(kinds).isdisjoint(values) else predicate
        case AllOf(conditions):
            return all_of(*(_given_kinds(one, kinds) for one in conditions))
        case AnyOf(conditions):
            return _any_of([_given_kinds(one, kinds) for one in conditions])
        case Not(condition):
            return _not(_given_kinds(condition, kinds))
        case _:
            return predicate


def _not(condition: Predicate) -> Predicate:
    if condition in (EVERYTHING, NOTHING):
        return NOTHING if condition == EVERYTHING else EVERYTHING
    return Not(condition)


def _any_of(conditions: list[Predicate]) -> Predicate:
    if EVERYTHING in conditions:
        return EVERYTHING
    left = tuple(one for one in conditions if one != NOTHING)
    return left[0] if len(left) == 1 else AnyOf(left)
