"""Queries on what is served."""

from __future__ import annotations

from collections.abc import Sequence

from understage.catalog.database.dialects import among, fence
from understage.catalog.database.drivers import Driver, Few, driver_rows, statement_with, without
from understage.catalog.model.entity_ids import is_entity_id
from understage.catalog.query.predicates import EVERYTHING, Predicate, split_kinds
from understage.catalog.query.statement import Statement
from understage.plugin_api import DatabaseConnection


async def find_by_ref(connection: DatabaseConnection, ref: str, predicate: Predicate = EVERYTHING) -> str | None:
    """Returns the JSON text of an entity, if it exists and matches."""
    return await _find_one(connection, "f.entity_ref", ref, predicate)


async def find_by_id(connection: DatabaseConnection, entity_id: str, predicate: Predicate = EVERYTHING) -> str | None:
    """Returns the JSON text of an entity, if it exists and matches; there is none for a text that is no id."""
    if not is_entity_id(entity_id):
        return None
    return await _find_one(connection, "f.entity_id", entity_id, predicate)


async def _find_one(connection: DatabaseConnection, column: str, value: str, predicate: Predicate) -> str | None:
    query = f"SELECT f.final_entity FROM final_entities f WHERE {column} = $1"
    if predicate == EVERYTHING:
        row = await connection.fetch_row(query, value)
    else:
        statement = Statement(fence(connection))
        statement.value(value)
        condition = statement.condition(predicate, "f.entity_id")
        row = await connection.fetch_row(f"{query} AND {condition}", *statement.arguments)
    return None if row is None else row[0]


async def find_by_refs(connection: DatabaseConnection, refs: Sequence[str], predicate: Predicate) -> dict[str, str]:
    """Returns the JSON texts of those of the entities that exist and match, by ref."""
    statement = Statement(fence(connection))
    condition = among(connection, "f.entity_ref", statement.value(list(refs)))
    if predicate != EVERYTHING:
        condition += f" AND {statement.condition(predicate, 'f.entity_id')}"
    rows = await connection.fetch(
        f"SELECT f.entity_ref, f.final_entity FROM final_entities f WHERE {condition}",
        *statement.arguments,
    )
    return {row[0]: row[1] for row in rows}


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
    return await _find_ordered(connection, "f.final_entity", predicate, order, limit, offset)


async def find_ordered_ids(
    connection: DatabaseConnection,
    predicate: Predicate,
    order: Sequence[tuple[str, bool]],
    *,
    limit: int | None,
    offset: int,
) -> list[str]:
    """Returns ids of entities in the order of `find_ordered`, for what is too much to be read at once."""
    return await _find_ordered(connection, "CAST(f.entity_id AS text)", predicate, order, limit, offset)


async def find_by_ids(connection: DatabaseConnection, ids: Sequence[str]) -> list[str]:
    """Returns the JSON texts of those of the entities that exist, in the order of the ids."""
    rows = await connection.fetch(
        "SELECT CAST(f.entity_id AS text), f.final_entity FROM final_entities f"
        f" WHERE {among(connection, 'f.entity_id', '$1')}",
        list(ids),
    )
    texts = {row[0]: row[1] for row in rows}
    return [texts[one] for one in ids if one in texts]


async def _find_ordered(
    connection: DatabaseConnection,
    what: str,
    predicate: Predicate,
    order: Sequence[tuple[str, bool]],
    limit: int | None,
    offset: int,
) -> list[str]:
    statement = Statement(fence(connection))
    terms: list[str] = []
    for key, ascending in order:
        first, direction = ("min", "ASC") if ascending else ("max", "DESC")
        value = (
            f"(SELECT {first}(o.value) FROM search o WHERE o.entity_id = f.entity_id AND o.key = {statement.key(key)})"
        )
        terms += [f"{value} IS NULL", f"{value} {direction}"]
    terms.append("f.entity_id" if order else "f.entity_ref")
    where = f"WHERE {statement.condition(predicate, 'f.entity_id')}" if predicate != EVERYTHING else ""
    # SQLite takes an offset only after a limit; no limit is -1 there and NULL on Postgres.
    no_limit = None if connection.dialect == "postgres" else -1
    limits = f"LIMIT {statement.value(no_limit if limit is None else limit)} OFFSET {statement.value(offset)}"
    rows = await connection.fetch(
        f"SELECT {what} FROM final_entities f {where} ORDER BY {', '.join(terms)} {limits}",
        *statement.arguments,
    )
    return [row[0] for row in rows]


async def find_facet(
    connection: DatabaseConnection,
    key: str,
    predicate: Predicate,
    driver: Driver | None = None,
    *,
    has_many: bool = False,
    few: Few = frozenset(),
) -> list[tuple[str, int]]:
    """Returns the values that a key has, in their original case, with how many entities have them; sorted by value.

    Args:
        connection: where to ask.
        key: the key.
        predicate: which entities.
        driver: a condition of the predicate whose entities are looked up first. Without one, all rows of the key are.
        has_many: whether these are many.
        few: other conditions within the predicate that few entities meet.
    """
    kinds, rest = split_kinds(predicate)
    statement = statement_with(connection, few, kinds)
    conditions = [f"s.key = {statement.key(key)}", "s.original_value IS NOT NULL"]
    if kinds is not None:
        conditions.append(statement.values("s.kind", kinds))
    source = "search s"
    if driver is not None:
        if has_many:
            # Fenced, so that the key's rows are joined as a whole: the database takes the alternatives for few.
            rows_of_key = f"SELECT s.entity_id, s.original_value FROM search s WHERE {' AND '.join(conditions)}"
            source, conditions = f"({rows_of_key} {fence(connection)}) s", ["TRUE"]
        source = f"({driver_rows(connection, statement, driver, kinds)}) d JOIN {source} ON s.entity_id = d.entity_id"
        rest = without(rest, driver)
    if rest != EVERYTHING:
        conditions.append(statement.condition(rest, "s.entity_id"))
    rows = await connection.fetch(
        f"SELECT s.original_value, count(*) FROM {source} WHERE {' AND '.join(conditions)}"
        " GROUP BY s.original_value ORDER BY s.original_value",
        *statement.arguments,
    )
    return [(row[0], row[1]) for row in rows]
