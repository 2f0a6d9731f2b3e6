"""Queries for pages of listings. Which index leads is decided here and not by the database's planner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understage.catalog.database.dialects import KINDS, fence
from understage.catalog.database.drivers import Driver, Few, driver_rows, statement_with, where, without
from understage.catalog.database.texts import contains
from understage.catalog.query.predicates import (
    EVERYTHING,
    HasText,
    Predicate,
    conjuncts,
    split_kinds,
)
from understage.catalog.query.statement import Statement
from understage.plugin_api import DatabaseConnection

ALWAYS_THERE = frozenset(("kind", "apiversion", "metadata.name", "metadata.namespace", "metadata.uid"))
"""Keys that every entity has exactly one value for."""

PageRow = tuple[str | None, str, str]
"""Sort value, entity id, JSON text."""


@dataclass(frozen=True, slots=True)
class PageStart:
    """The row to go on from.

    Attributes:
        values: the sort value, if there is a sort key, and the entity's id.
    """

    values: Sequence[str | None]


async def find_page(
    connection: DatabaseConnection,
    predicate: Predicate,
    sort_key: str | None,
    *,
    ascending: bool,
    limit: int,
    offset: int = 0,
    start: PageStart | None = None,
    driver: Driver | None = None,
    few: Few = frozenset(),
) -> list[PageRow]:
    """Returns entities in the order of a key's values, then of their ids; those without a value are left out.

    Args:
        connection: where to ask.
        predicate: which entities.
        sort_key: a key of the index, or None to sort by id alone. An entity comes once for each of its values.
        ascending: the direction, of values and ids.
        limit: how many rows.
        offset: how many rows to leave out.
        start: the row to go on from, in the same direction.
        driver: a condition of the predicate that few entities meet: they are looked up and sorted. Without one, the
            index is read in the order of the sort key until there are enough rows.
        few: other conditions within the predicate that few entities meet.
    """
    statement = statement_with(connection, few, split_kinds(predicate)[0])
    source, conditions = _source(connection, statement, predicate, sort_key, driver)
    value = "NULL" if sort_key is None else "s.value"
    direction, comparison = ("ASC", ">") if ascending else ("DESC", "<")
    row, order = (
        ("(s.value, s.entity_id)", f"s.value {direction}, s.entity_id {direction}")
        if sort_key is not None
        else ("s.entity_id", f"s.entity_id {direction}")
    )
    if start is not None:
        values = ", ".join(statement.value(one) for one in start.values)
        conditions.append(f"{row} {comparison} ({values})")
    limits = f"LIMIT {statement.value(limit)}" + (f" OFFSET {statement.value(offset)}" if offset else "")
    if connection.dialect == "postgres" and driver is None and sort_key is not None and not _names_kinds(predicate):
        source = _first_of_each_kind(source, conditions, f"ORDER BY {order} LIMIT {statement.value(limit + offset)}")
        conditions = []
    tail = f"{where(conditions)} ORDER BY {order} {limits}"
    if sort_key is None and driver is None:
        query = f"SELECT NULL, CAST(s.entity_id AS text), s.final_entity FROM {source} {tail}"
    else:
        query = f"""
            SELECT p.value, CAST(p.entity_id AS text), f.final_entity
            FROM (SELECT {value} AS value, s.entity_id FROM {source} {tail}) p
            JOIN final_entities f ON f.entity_id = p.entity_id ORDER BY p.value {direction}, p.entity_id {direction}
            """
    rows = await connection.fetch(query, *statement.arguments)
    return [(row[0], row[1], row[2]) for row in rows]


async def count_entities(
    connection: DatabaseConnection,
    predicate: Predicate,
    sort_key: str | None,
    driver: Driver | None,
    *,
    has_many: bool = False,
    few: Few = frozenset(),
) -> int:
    """Returns how many entities match and have a value for the sort key, each counted once.

    Args:
        connection: where to ask.
        predicate: which entities.
        sort_key: a key of the index that they must have a value for, or None.
        driver: a condition of the predicate whose rows are counted, those that meet the others.
        has_many: whether these are so many that joining them as a whole is better than looking at each.
        few: other conditions within the predicate that few entities meet.
    """
    statement = statement_with(connection, few, split_kinds(predicate)[0], is_fenced=not has_many)
    if sort_key in ALWAYS_THERE:
        sort_key = None
    source, conditions = _source(connection, statement, predicate, sort_key, driver)
    what = "count(*)" if sort_key is None else "count(DISTINCT s.entity_id)"
    row = await connection.fetch_row(f"SELECT {what} FROM {source} {where(conditions)}", *statement.arguments)
    return int(row[0]) if row is not None else 0


def _source(
    connection: DatabaseConnection,
    statement: Statement,
    predicate: Predicate,
    sort_key: str | None,
    driver: Driver | None,
) -> tuple[str, list[str]]:
    """Returns the rows that a query looks at, called `s`, and the conditions on them."""
    kinds, rest = split_kinds(predicate)
    conditions: list[str] = []
    if driver is not None:
        source = _driven(connection, statement, driver, kinds, sort_key)
        rest = without(rest, driver)
    elif sort_key is not None:
        source = "search s"
        conditions += [f"s.key = {statement.key(sort_key)}", "s.value IS NOT NULL"]
    else:
        source = "final_entities s"
    if driver is None:
        statement.kind_column = "s.kind"
    if kinds is not None and driver is None:
        conditions.append(statement.values("s.kind", kinds))
    if sort_key in ALWAYS_THERE and driver is None:
        rest = _read_along(connection, statement, rest, sort_key or "", conditions)
    if rest != EVERYTHING:
        conditions.append(statement.condition(rest, "s.entity_id"))
    return source, conditions


def _read_along(
    connection: DatabaseConnection, statement: Statement, rest: Predicate, sort_key: str, conditions: list[str]
) -> Predicate:
    """Adds the condition on a text that the sort value itself can meet; returns what is left to look up elsewhere."""
    for text in conjuncts(rest):
        if isinstance(text, HasText) and sort_key in text.keys:
            found = contains(connection, statement, "s.value", text.text)
            others = tuple(key for key in text.keys if key != sort_key)
            if others:
                found = f"({found} OR {statement.condition(HasText(others, text.text), 's.entity_id')})"
            conditions.append(found)
            return without(rest, text)
    return rest


def _names_kinds(predicate: Predicate) -> bool:
    return split_kinds(predicate)[0] is not None


def _first_of_each_kind(source: str, conditions: Sequence[str], order_and_limit: str) -> str:
    """Returns the first rows of each kind: the index holds them in order, and from these few come the first of all."""
    rows = f"SELECT s.value, s.entity_id FROM {source} {where([*conditions, 's.kind = k.kind'])} {order_and_limit}"
    return f"({KINDS}) k CROSS JOIN LATERAL ({rows}) s"


def _driven(
    connection: DatabaseConnection,
    statement: Statement,
    driver: Driver,
    kinds: Sequence[str] | None,
    sort_key: str | None,
) -> str:
    rows = f"({driver_rows(connection, statement, driver, kinds)} {fence(connection)})"
    if sort_key is None:
        return f"{rows} s"
    key = statement.key(sort_key)
    if connection.dialect == "postgres":
        lookup = "SELECT i.value, i.entity_id FROM search i WHERE i.entity_id = d.entity_id AND i.value IS NOT NULL"
        return f"{rows} d CROSS JOIN LATERAL ({lookup} AND i.key = {key} OFFSET 0) s"
    # On SQLite, CROSS JOIN is a join in exactly this order.
    return f"{rows} d CROSS JOIN search s ON s.entity_id = d.entity_id AND s.key = {key} AND s.value IS NOT NULL"
