"""Conditions on entities, whichever grammar they were written in. Keys and values are in lower case."""

from __future__ import annotations

from dataclasses import dataclass

from understage.errors import InputError

MAX_CONDITIONS = 1000


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of the conditions holds; always, if there are none."""

    conditions: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds; never, if there are none."""

    conditions: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    condition: Predicate


@dataclass(frozen=True, slots=True)
class HasKey:
    """The entity has the key, whatever its value."""

    key: str


@dataclass(frozen=True, slots=True)
class HasValue:
    """One of the entity's values for the key is among these."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HasPrefix:
    """One of the entity's values for the key starts with the text."""

    key: str
    prefix: str


@dataclass(frozen=True, slots=True)
class HasText:
    """One of the entity's values for one of the keys contains the text."""

    keys: tuple[str, ...]
    text: str


Predicate = AllOf | AnyOf | Not | HasKey | HasValue | HasPrefix | HasText

EVERYTHING = AllOf()
NOTHING = AnyOf()


def all_of(*conditions: Predicate) -> Predicate:
    """Returns a condition that holds if all of these do, as simple as it can be."""
    wanted = tuple(condition for condition in conditions if condition != EVERYTHING)
    if NOTHING in wanted:
        return NOTHING
    return wanted[0] if len(wanted) == 1 else AllOf(wanted)


def conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    """Returns the conditions that must all hold."""
    if isinstance(predicate, AllOf):
        return tuple(inner for condition in predicate.conditions for inner in conjuncts(condition))
    return (predicate,)


def any_of(*conditions: Predicate) -> Predicate:
    """Returns a condition that holds if one of these does; values of the same key are put together."""
    if len(conditions) == 1:
        return conditions[0]
    values: list[str] = []
    keys: set[str] = set()
    for one in conditions:
        if not isinstance(one, HasValue):
            return AnyOf(conditions)
        keys.add(one.key)
        values += one.values
    return HasValue(keys.pop(), tuple(dict.fromkeys(values))) if len(keys) == 1 else AnyOf(conditions)


def check_size(predicate: Predicate, name: str) -> Predicate:
    """Returns a predicate that a client has sent, unless it has too many conditions; values of one key are one.

    Args:
        predicate: the predicate.
        name: how the client knows it.

    Raises:
        InputError: the database would be busy with it for seconds.
    """
    count = _count(predicate)
    if count > MAX_CONDITIONS:
        raise InputError(
            f"{name}: {count} conditions, but at most {MAX_CONDITIONS} are allowed; many values of the same key can be "
            "given as one condition"
        )
    return predicate


def _count(predicate: Predicate) -> int:
    match predicate:
        case AllOf(conditions) | AnyOf(conditions):
            return sum(map(_count, conditions)) or 1
        case Not(condition):
            return _count(condition)
        case _:
            return 1


def inner_conditions(predicate: Predicate) -> tuple[HasKey | HasValue, ...]:
    """Returns the single conditions on a key that need not all hold: those below `AnyOf` and `Not`."""
    return tuple(leaf for one in conjuncts(predicate) if isinstance(one, AnyOf | Not) for leaf in _leaves(one))


def _leaves(predicate: Predicate) -> tuple[HasKey | HasValue, ...]:
    match predicate:
        case AllOf(conditions) | AnyOf(conditions):
            return tuple(leaf for one in conditions for leaf in _leaves(one))
        case Not(condition):
            return _leaves(condition)
        case HasKey() | HasValue():
            return (predicate,)
        case _:
            return ()


def split_kinds(predicate: Predicate) -> tuple[tuple[str, ...] | None, Predicate]:
    """Takes the first condition on the kind out of a predicate.

    Returns:
        the kinds that are possible, or None if there is no such condition, and what else must hold.
    """
    found = conjuncts(predicate)
    for index, one in enumerate(found):
        if isinstance(one, HasValue) and one.key == "kind" and one.values:
            return one.values, all_of(*found[:index], *found[index + 1 :])
    for one in found:
        if isinstance(one, AnyOf) and one.conditions:
            kinds = [split_kinds(alternative)[0] for alternative in one.conditions]
            if None not in kinds:
                # Each alternative names kinds, so there are no others; which goes with which is still to be asked.
                return tuple(dict.fromkeys(kind for some in kinds for kind in some or ())), predicate
    return None, predicate
