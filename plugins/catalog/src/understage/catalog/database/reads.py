"""Queries on what is served."""

from __future__ import annotations

from collections.abc import Sequence

from understage.catalog.database.dialects import among
from understage.catalog.query.predicates import EVERYTHING, HasValue, Predicate
from understage.catalog.query.statement import Statement
from understage.plugin_api import DatabaseConnection

ALWAYS_THERE = frozenset(("kind", "apiversion", "metadata.name", "metadata.namespace", "metadata.uid"))
"""Keys that every entity has exactly one value for."""

SortedRow = tuple[str | None, str, str]
"""Sort value, entity id, JSON text."""
Keyset = tuple[Sequence[str | None], bool]
"""The row to go on from (sort value, if there is a sort field, and id), and whether towards larger values."""


async def find_by_ref(connection: DatabaseConnection, ref: str) -> str | None:
    """Returns the JSON text of an entity."""
    row = await connection.fetch_row("SELECT final_entity FROM final_entities WHERE entity_ref = $1", ref)
    return None if row is None else row[0]


async def find_by_id(connection: DatabaseConnection, entity_id: str) -> str | None:
    """Returns the JSON text of an entity."""
    row = await connection.fetch_row("SELECT final_entity FROM final_entities WHERE entity_id = $1", entity_id)
    return None if row is None else row[0]


async def find_by_refs(connection: DatabaseConnection, refs: Sequence[str], predicate: Predicate) -> dict[str, str]:
    """Returns the JSON texts of those of the entities that exist and match, by ref."""
    statement = Statement()
    condition = among(connection, "f.entity_ref", statement.value(list(refs)))
    if predicate != EVERYTHING:
        condition += f" AND {statement.condition(predicate, 'f.entity_id')}"
    rows = await connection.fetch(
        f"SELECT f.entity_ref, f.final_entity FROM final_entities f WHERE {condition}",  # noqa: S608
        *statement.arguments,
    )
    return {row[0]: row[1] for row in rows}


async def find_page(
    connection: DatabaseConnection,
    predicate: Predicate,
    sort_key: str | None,
    *,
    ascending: bool,
    start: Keyset | None,
    limit: int,
    offset: int = 0,
) -> list[SortedRow]:
    """Returns entities in the order of a key's values, then of their ids; those without a value are left out.

    Args:
        connection: where to ask.
        predicate: which entities.
        sort_key: a key of the index, or None to sort by id alone. An entity comes once for each of its values.
        ascending: the direction, of values and ids.
        start: the row to go on from, and in which direction.
        limit: how many rows.
        offset: how many rows to leave out.
    """
    statement = Statement()
    direction = "ASC" if ascending else "DESC"
    conditions: list[str] = []
    if sort_key is None:
        columns, tables, order = "NULL, f.entity_id", "final_entities f", f"f.entity_id {direction}"
        tuple_of_row, entity_id = "f.entity_id", "f.entity_id"
    else:
        columns = "s.value, s.entity_id"
        tables = "search s JOIN final_entities f ON f.entity_id = s.entity_id"
        conditions += [f"s.key = {statement.value(sort_key)}", "s.value IS NOT NULL"]
        order, tuple_of_row = f"s.value {direction}, s.entity_id {direction}", "(s.value, s.entity_id)"
        entity_id = "s.entity_id"
    if predicate != EVERYTHING:
        conditions.append(statement.condition(predicate, entity_id))
    if start is not None:
        values, upwards = start
        row = ", ".join(statement.value(value) for value in values)
        conditions.append(f"{tuple_of_row} {'>' if upwards else '<'} ({row})")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    limits = f"LIMIT {statement.value(limit)}" + (f" OFFSET {statement.value(offset)}" if offset else "")
    rows = await connection.fetch(
        f"SELECT {columns}, f.final_entity FROM {tables} {where} ORDER BY {order} {limits}",  # noqa: S608
        *statement.arguments,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def count(connection: DatabaseConnection, predicate: Predicate, sort_key: str | None) -> int:
    """Returns how many entities match and have a value for the sort key, each counted once."""
    statement = Statement()
    if sort_key in ALWAYS_THERE:
        sort_key = None
    if sort_key is not None:
        where = f"s.key = {statement.value(sort_key)} AND s.value IS NOT NULL"
        if predicate != EVERYTHING:
            where += f" AND {statement.condition(predicate, 's.entity_id')}"
        query = f"SELECT count(DISTINCT s.entity_id) FROM search s WHERE {where}"  # noqa: S608
    elif predicate == EVERYTHING:
        query = "SELECT count(*) FROM final_entities"
    elif isinstance(predicate, HasValue) and len(predicate.values) == 1:
        # A key has a value at most once for each entity, so that the index alone answers.
        key, value = statement.value(predicate.key), statement.value(predicate.values[0])
        query = f"SELECT count(*) FROM search WHERE key = {key} AND value = {value}"  # noqa: S608
    else:
        condition = statement.condition(predicate, "f.entity_id")
        query = f"SELECT count(*) FROM final_entities f WHERE {condition}"  # noqa: S608
    row = await connection.fetch_row(query, *statement.arguments)
    return int(row[0]) if row is not None else 0


async def find_ordered(
    connection: DatabaseConnection,
    predicate: Predicate,
    order: Sequence[tuple[str, bool]],
    *,
    limit: int | None,
    offset: int,
) -> list[str]:
    """Returns JSON texts in the order of several keys; entities without a value for one come last.

    Args:
        connection: where to ask.
        predicate: which entities.
        order: keys, each with whether it ascends; without any, refs ascend. Of several values the first one counts.
        limit: how many, or None for all.
        offset: how many to leave out.
    """
    statement = Statement()
    terms: list[str] = []
    for key, ascending in order:
        first, direction = ("min", "ASC") if ascending else ("max", "DESC")
        value = (
            f"(SELECT {first}(o.value) FROM search o "  # noqa: S608
            f"WHERE o.entity_id = f.entity_id AND o.key = {statement.value(key)})"
        )
        terms += [f"{value} IS NULL", f"{value} {direction}"]
    terms.append("f.entity_id" if order else "f.entity_ref")
    where = f"WHERE {statement.condition(predicate, 'f.entity_id')}" if predicate != EVERYTHING else ""
    # SQLite takes an offset only after a limit; no limit is -1 there and NULL on Postgres.
    no_limit = None if connection.dialect == "postgres" else -1
    limits = f"LIMIT {statement.value(no_limit if limit is None else limit)} OFFSET {statement.value(offset)}"
    rows = await connection.fetch(
        f"SELECT f.final_entity FROM final_entities f {where} ORDER BY {', '.join(terms)} {limits}",  # noqa: S608
        *statement.arguments,
    )
    return [row[0] for row in rows]


async def find_facet(connection: DatabaseConnection, key: str, predicate: Predicate) -> list[tuple[str, int]]:
    """Returns the values that a key has, in their original case, with how many entities have them; sorted by value."""
    statement = Statement()
    where = f"s.key = {statement.value(key)} AND s.original_value IS NOT NULL"
    if predicate != EVERYTHING:
        where += f" AND {statement.condition(predicate, 's.entity_id')}"
    rows = await connection.fetch(
        f"SELECT s.original_value, count(*) FROM search s WHERE {where}"  # noqa: S608
        " GROUP BY s.original_value ORDER BY s.original_value",
        *statement.arguments,
    )
    return [(row[0], row[1]) for row in rows]
