"""Conditions that lead a query: the entities that meet them are looked up first, by an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from understage.catalog.database.dialects import any_kind, fence
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

Few = frozenset[Predicate]
"""Conditions that few entities meet, `HasKey` and `HasValue`."""


def is_single(condition: Predicate) -> TypeGuard[Single]:
    """Tells whether the index can lead to the entities that meet a condition."""
    return isinstance(condition, HasKey | HasText) or (isinstance(condition, HasValue) and bool(condition.values))


def statement_with(
    connection: DatabaseConnection, few: Few, kinds: Sequence[str] | None, *, is_fenced: bool = True
) -> Statement:
    """Returns a statement that looks up at once who meets conditions that few do.

    Args:
        connection: where it will run.
        few: these conditions.
        kinds: the kinds of all entities in question, or None.
        is_fenced: whether sub-queries are run as they are written.
    """

    def rows(statement: Statement, condition: Predicate) -> str | None:
        if condition not in few or not isinstance(condition, HasKey | HasValue):
            return None
        return driver_rows(connection, statement, condition, kinds)

    end = fence(connection) if is_fenced else ""
    return Statement(end, rows) if few else Statement(end)


async def count_up_to(connection: DatabaseConnection, driver: Single, kinds: Sequence[str] | None, limit: int) -> int:
    """Returns how many rows of the index a condition has, or the limit if there are more."""
    statement = Statement()
    query = _rows(connection, statement, driver, kinds, "1")
    # The limit is the code's own and stands in the text: of an argument Postgres would not know how many it allows, and
    # its plan for all arguments would rather read everything.
    row = await connection.fetch_row(f"SELECT count(*) FROM ({query} LIMIT {limit:d}) d", *statement.arguments)
    return int(row[0]) if row is not None else 0


def driver_rows(
    connection: DatabaseConnection, statement: Statement, driver: Driver, kinds: Sequence[str] | None
) -> str:
    """Returns the query for the ids of the entities that meet a condition, each once, as `entity_id`."""
    # Of one value, an entity has one row.
    has_single_row = isinstance(driver, HasValue) and len(driver.values) == 1
    if isinstance(driver, OneOf):
        return f"SELECT DISTINCT u.entity_id FROM ({_rows(connection, statement, driver, kinds, 'x.entity_id')}) u"
    return _rows(connection, statement, driver, kinds, "x.entity_id" if has_single_row else "DISTINCT x.entity_id")


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
        conditions.append(f"x.key = {statement.key(driver.key)}")
    if kinds is not None:
        conditions.append(statement.values("x.kind", kinds))
    if not isinstance(driver, HasValue):
        return f"SELECT {columns} FROM search x {where(conditions)}"
    if kinds is None:
        conditions.append(any_kind(connection, "x.kind"))
    if len(driver.values) != 1 and connection.dialect == "postgres":
        # A prepared plan for a list of unknown values would read all rows of the key instead of looking up each value.
        values = f"unnest(CAST({statement.value(list(driver.values))} AS text[])) v"
        found = f"SELECT x.entity_id FROM search x {where([*conditions, 'x.value = v'])} OFFSET 0"
        return f"SELECT {columns} FROM {values} CROSS JOIN LATERAL ({found}) x"
    conditions.append(statement.values("x.value", driver.values))
    return f"SELECT {columns} FROM search x {where(conditions)}"
