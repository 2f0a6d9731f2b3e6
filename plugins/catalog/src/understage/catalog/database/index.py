"""The rows of the search index, and the only place that writes them: no way of changing the index can forget to count.

What adds or removes rows writes the changes of the kept counts in the same transaction; see `database.counts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import astuple

from understage.catalog.database.counts import COUNTED_NUMBERS, CountedValue, add_changes, counted_rows
from understage.catalog.database.dialects import COPIED_AT_ONCE, among, slices
from understage.plugin_api import DatabaseConnection

TABLE = "search"
_COLUMNS = ("entity_id", "kind", "key", "value", "original_value")


class SearchRow(msgspec.Struct, frozen=True, gc=False):
    """A row of the search index; `key_number` has given the key."""

    entity_id: str
    kind: str
    key: int
    value: str | None
    original_value: str | None


async def find_rows(connection: DatabaseConnection, entity_ids: Sequence[str]) -> list[SearchRow]:
    """Returns the index rows of these entities."""
    return await connection.fetch(
        "SELECT CAST(entity_id AS text), kind, key, value, original_value FROM search"
        f" WHERE {among(connection, 'entity_id', '$1')}",
        list(entity_ids),
        row_type=SearchRow,
    )


async def change_rows(
    connection: DatabaseConnection, added: Iterable[SearchRow], removed: Iterable[SearchRow] = ()
) -> None:
    """Adds and removes index rows, and counts them.

    Args:
        connection: of a transaction.
        added: rows that are not there yet.
        removed: rows that are there; nobody else may remove them meanwhile.
    """
    changes: Counter[CountedValue] = Counter()
    for part in slices(removed, COPIED_AT_ONCE):
        changes.subtract(_counted(part))
        await connection.execute_many(
            "DELETE FROM search WHERE entity_id = $1 AND key = $2 AND (value = $3 OR (value IS NULL AND $4))",
            [(row.entity_id, row.key, row.value, row.value is None) for row in part],
        )
    rows = list(added)
    changes.update(_counted(rows))
    await connection.copy(TABLE, _COLUMNS, map(astuple, rows))
    await add_changes(connection, changes)


async def remove_entities(
    connection: DatabaseConnection, entity_ids: Sequence[str], *, only_unserved: bool = False
) -> None:
    """Removes all index rows of entities, and counts them.

    Args:
        connection: of a transaction.
        entity_ids: the entities.
        only_unserved: whether entities that are served keep theirs.
    """
    condition = among(connection, "entity_id", "$1")
    if only_unserved:
        condition += " AND NOT EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = search.entity_id)"
    remove = f"DELETE FROM search WHERE {condition}"
    if connection.dialect == "postgres":
        # What is counted are the rows that this statement has removed, whoever else removes some at the same time.
        changes = counted_rows("gone", "-count(*)")
        await connection.execute(
            f"""
            WITH gone AS ({remove} RETURNING key, kind, original_value, value)
            INSERT INTO search_count_changes (key, kind, original_value, value, entities) {changes}
            """,
            list(entity_ids),
        )
    else:
        gone = await connection.fetch(counted_rows(f"search WHERE {condition}", "-count(*)"), list(entity_ids))
        await add_changes(connection, {row[:4]: row[4] for row in gone})
        await connection.execute(remove, list(entity_ids))


def _counted(rows: Iterable[SearchRow]) -> Iterator[CountedValue]:
    for row in rows:
        key = COUNTED_NUMBERS.get(row.key)
        if key is not None and row.original_value is not None and row.value is not None:
            yield key, row.kind, row.original_value, row.value
