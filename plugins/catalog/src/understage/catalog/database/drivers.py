"""Conditions that lead a query: the entities that meet them are looked up first, by an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understage.catalog.database.dialects import any_kind
from understage.catalog.database.texts import text_condition
from understage.catalog.query.predicates import AnyOf, HasKey, HasText, HasValue, Predicate, all_of, conjuncts
from understage.catalog.query.statement import Statement
from understage.plugin_api import DatabaseConnection

Single = HasKey | HasValue | HasText
"""A condition on rows of one or a few keys."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """Alternatives, each by a condition that leads to all of its entities, and perhaps to more.

    Attributes:
        condition: the alternatives.
        parts: a condition for each.
    """

    condition: AnyOf
    parts: tuple[Single, ...]


Driver = Single | OneOf
"""A condition whose rows in the index are looked at first."""


async def count_up_to(connection: DatabaseConnection, driver: Driver, kinds: Sequence[str] | None, limit: int) -> int:
    """Returns how many rows of the index a condition has, or the limit if there are more."""
    statement = Statement()
    query = _rows(connection, statement, driver, kinds, "1")
    row = await connection.fetch_row(
        f"SELECT count(*) FROM ({query} LIMIT {statement.value(limit)}) d",  # noqa: S608
        *statement.arguments,
    )
    return int(row[0]) if row is not None else 0


def driver_rows(
    connection: DatabaseConnection, statement: Statement, driver: Driver, kinds: Sequence[str] | None
) -> str:
    """Returns the query for the ids of the entities that meet a condition, each once, as `entity_id`."""
    # Of one value, an entity has one row.
    is_single = isinstance(driver, HasValue) and len(driver.values) == 1
    if isinstance(driver, OneOf):
        return f"SELECT DISTINCT u.entity_id FROM ({_rows(connection, statement, driver, kinds, 'x.entity_id')}) u"  # noqa: S608
    return _rows(connection, statement, driver, kinds, "x.entity_id" if is_single else "DISTINCT x.entity_id")


def without(predicate: Predicate, driver: Driver) -> Predicate:
    """Returns what is left of a predicate once a condition of it has led the way."""
    led: Predicate
    if isinstance(driver, OneOf):
        if driver.parts != driver.condition.conditions:
            return predicate
        led = driver.condition
    else:
        led = driver
    return all_of(*(condition for condition in conjuncts(predicate) if condition != led))


def where(conditions: Sequence[str]) -> str:
    """Returns the clause for conditions that must all hold."""
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _rows(
    connection: DatabaseConnection, statement: Statement, driver: Driver, kinds: Sequence[str] | None, columns: str
) -> str:
    if isinstance(driver, OneOf):
        return " UNION ALL ".join(_index_rows(connection, statement, part, kinds, columns) for part in driver.parts)
    return _index_rows(connection, statement, driver, kinds, columns)


def _index_rows(
    connection: DatabaseConnection, statement: Statement, driver: Single, kinds: Sequence[str] | None, columns: str
) -> str:
    conditions: list[str] = []
    if isinstance(driver, HasText):
        conditions.append(text_condition(connection, statement, driver))
    else:
        conditions.append(f"x.key = {statement.value(driver.key)}")
    if kinds is not None:
        conditions.append(statement.values("x.kind", kinds))
    if isinstance(driver, HasValue):
        if kinds is None:
            conditions.append(any_kind(connection, "x.kind"))
        conditions.append(statement.values("x.value", driver.values))
    return f"SELECT {columns} FROM search x {where(conditions)}"  # noqa: S608
