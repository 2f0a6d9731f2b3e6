"""Counts of values that are kept up to date, so that totals and facets need not read the index.

Whoever writes index rows writes the changes of the counts as well, in the same transaction: `database.index` does, and
nobody else writes index rows. On Postgres changes are only appended, so that writers never wait for each other's
counts, and added up later; on SQLite there is one writer at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understage.catalog.database.dialects import write_rows
from understage.catalog.query.key_numbers import key_number
from understage.catalog.query.statement import Statement
from understage.plugin_api import DatabaseConnection

COUNTED_KEYS = frozenset(
    ("kind", "metadata.namespace", "metadata.tags", "relations.ownedby", "spec.lifecycle", "spec.type")
)
"""Keys whose values are counted: what the stock frontend asks facets and totals for."""

FOLDED_AT_ONCE = 20_000

COUNTED_NUMBERS = {key_number(key): key for key in sorted(COUNTED_KEYS)}
"""The same keys, by the numbers that stand for them in the index."""

_IS_COUNTED = f"original_value IS NOT NULL AND key IN ({', '.join(map(str, COUNTED_NUMBERS))})"
_KEY = " ".join(("CASE key", *(f"WHEN {number} THEN '{key}'" for number, key in COUNTED_NUMBERS.items()), "END"))
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtext('understage:catalog:fold_changes'))"


CountedValue = tuple[str, str, str, str]
"""What is counted: key, kind, value as it is, and in lower case."""


async def count_value(
    connection: DatabaseConnection, key: str, value: str | None = None, kinds: Sequence[str] | None = None
) -> int:
    """Returns how many index rows a counted key has.

    Args:
        connection: where to ask.
        key: one of `COUNTED_KEYS`.
        value: in lower case: those with this value; an entity has at most one such row. None counts rows of any value.
        kinds: those of entities of these kinds, or None for all.
    """
    statement = Statement()
    where = f"c.key = {statement.value(key)}"
    if value is not None:
        where += f" AND c.value = {statement.value(value)}"
    if kinds is not None:
        where += f" AND {statement.values('c.kind', kinds)}"
    row = await connection.fetch_row(
        f"SELECT CAST(coalesce(sum(c.entities), 0) AS bigint) FROM search_counted c WHERE {where}",
        *statement.arguments,
    )
    return int(row[0]) if row is not None else 0


async def counted_facet(connection: DatabaseConnection, key: str, kinds: Sequence[str] | None) -> list[tuple[str, int]]:
    """Returns the values of a counted key in their original case, with how many entities have them; sorted by value."""
    statement = Statement()
    where = f"c.key = {statement.value(key)}"
    if kinds is not None:
        where += f" AND {statement.values('c.kind', kinds)}"
    rows = await connection.fetch(
        f"""
        SELECT c.original_value, CAST(sum(c.entities) AS bigint) FROM search_counted c WHERE {where}
        GROUP BY c.original_value HAVING sum(c.entities) <> 0 ORDER BY c.original_value
        """,
        *statement.arguments,
    )
    return [(row[0], row[1]) for row in rows]


def counted_rows(source: str, number: str) -> str:
    """Returns the query for the counted values among index rows, each with how often it occurs.

    Args:
        source: the table, with a condition or without.
        number: what is to be counted of each value.
    """
    return f"""
        SELECT {_KEY}, kind, original_value, min(value), {number} FROM {source}
        {"AND" if " WHERE " in source else "WHERE"} {_IS_COUNTED} GROUP BY key, kind, original_value
        """


async def add_changes(connection: DatabaseConnection, changes: Mapping[CountedValue, int]) -> None:
    """Writes how many rows more or less there are, in the transaction that adds or removes them."""
    rows = sorted((*value, number) for value, number in changes.items() if number)
    if not rows:
        return
    columns = "(key, kind, original_value, value, entities)"
    if connection.dialect == "postgres":
        statement = f"INSERT INTO search_count_changes {columns} {{rows}}"
        await write_rows(connection, statement, ("text", "text", "text", "text", "integer"), rows)
        return
    statement = f"""
        INSERT INTO search_counts {columns} {{rows}}
        ON CONFLICT (key, original_value, kind) DO UPDATE SET entities = entities + excluded.entities
        """
    await write_rows(connection, statement, ("", "", "", "", ""), rows)
    if any(row[-1] < 0 for row in rows):
        await connection.execute("DELETE FROM search_counts WHERE entities = 0")


async def fold_changes(connection: DatabaseConnection, limit: int = FOLDED_AT_ONCE) -> int:
    """Adds up what has changed since the last time, so that reading stays cheap; returns how many rows there were.

    Args:
        connection: of a transaction: readers see each change once, before as after it.
        limit: how many rows at most.
    """
    if connection.dialect == "sqlite":
        return 0
    # One replica at a time: two would wait for each other's counts.
    row = await connection.fetch_row(_ONE_AT_A_TIME)
    if row is None or not row[0]:
        return 0
    row = await connection.fetch_row(
        """
        WITH taken AS (
            DELETE FROM search_count_changes
            WHERE ctid = ANY (ARRAY (SELECT ctid FROM search_count_changes LIMIT $1))
            RETURNING key, kind, original_value, value, entities
        ), summed AS (
            SELECT key, kind, original_value, min(value) AS value, sum(entities) AS entities FROM taken
            GROUP BY key, kind, original_value HAVING sum(entities) <> 0
        ), added AS (
            INSERT INTO search_counts AS c (key, kind, original_value, value, entities)
            SELECT key, kind, original_value, value, entities FROM summed
            ON CONFLICT (key, original_value, kind) DO UPDATE SET entities = c.entities + excluded.entities
        )
        SELECT count(*) FROM taken
        """,
        limit,
    )
    await connection.execute("DELETE FROM search_counts WHERE entities = 0")
    return int(row[0]) if row is not None else 0


async def find_miscounts(connection: DatabaseConnection) -> list[tuple[str, str, str, int, int]]:
    """Returns key, kind, value, count and true count of all that is counted wrongly: none, unless something is broken.

    It reads all index rows of the counted keys.
    """
    return [(*row[:3], *row[4:]) for row in await _miscounts(connection)]


async def mend_counts(connection: DatabaseConnection) -> list[str]:
    """Puts counts right that differ from the index; returns the keys whose counts did.

    They differ only if somebody else has written to the index. Both are compared at one moment, and what others change
    later changes both, so the difference can be added whenever.

    Args:
        connection: of a transaction.
    """
    if connection.dialect == "postgres":
        # Two that mend at once would add the same difference twice.
        row = await connection.fetch_row(_ONE_AT_A_TIME)
        if row is None or not row[0]:
            return []
    wrong = await _miscounts(connection)
    await add_changes(connection, {row[:4]: row[5] - row[4] for row in wrong})
    return sorted({row[0] for row in wrong})


async def _miscounts(connection: DatabaseConnection) -> list[tuple[str, str, str, str, int, int]]:
    return await connection.fetch(
        f"""
        SELECT key, kind, original_value, min(value), CAST(sum(counted) AS bigint), CAST(sum(found) AS bigint) FROM (
            SELECT key, kind, original_value, value, entities AS counted, 0 AS found FROM search_counted
            UNION ALL
            SELECT {_KEY}, kind, original_value, value, 0, 1 FROM search WHERE {_IS_COUNTED}
        ) b GROUP BY key, kind, original_value HAVING sum(counted) <> sum(found)
        """
    )
