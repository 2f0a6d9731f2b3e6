"""Queries by which what is served is compared with what it is made of, a few entities at a time."""

from __future__ import annotations

from collections.abc import Sequence

from understage.catalog.database import index
from understage.catalog.database.dialects import among
from understage.catalog.database.orphan_circles import IS_ORPHAN
from understage.catalog.database.stitching import ProcessedEntity
from understage.plugin_api import DatabaseConnection

FIRST_ID = "00000000-0000-0000-0000-000000000000"
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

_TABLES = (("final_entities", "entity_id"), (index.TABLE, "entity_id"), ("relations", "originating_entity_id"))


async def see_one_moment(connection: DatabaseConnection) -> None:
    """Lets all further queries of a transaction see the database as it is now; the transaction may only read.

    Args:
        connection: of a transaction in which nothing was asked yet.
    """
    if connection.dialect == "postgres":
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def find_settled(connection: DatabaseConnection, after_id: str, limit: int) -> list[ProcessedEntity]:
    """Returns entities, in the order of their ids, that should be served as they are: nothing of them is queued."""
    return await connection.fetch(
        f"""
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.processed_entity, s.errors,
            {IS_ORPHAN},
            (SELECT hash FROM final_entities f WHERE f.entity_id = s.entity_id)
        FROM refresh_state s
        WHERE s.entity_id > $1 AND s.processed_entity IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM stitch_queue q WHERE q.entity_ref = s.entity_ref)
        ORDER BY s.entity_id LIMIT $2
        """,
        after_id,
        limit,
        row_type=ProcessedEntity,
    )


async def find_leftovers(connection: DatabaseConnection, after_id: str, last_id: str) -> list[str]:
    """Returns ids within a range that something is kept for although their entities are gone."""
    queries = [
        f"""
        SELECT CAST(x.{column} AS text) FROM {table} x WHERE x.{column} > $1 AND x.{column} <= $2
            AND NOT EXISTS (SELECT 1 FROM refresh_state s WHERE s.entity_id = x.{column})
        """
        for table, column in _TABLES
    ]
    rows = await connection.fetch(" UNION ".join(queries), after_id, last_id)
    return sorted(row[0] for row in rows)


async def delete_leftovers(connection: DatabaseConnection, entity_ids: Sequence[str]) -> None:
    """Removes everything that is kept for entities that are gone."""
    await index.remove_entities(connection, entity_ids)
    for table, column in _TABLES:
        if table == index.TABLE:
            continue
        await connection.execute(
            f"DELETE FROM {table} WHERE {among(connection, column, '$1')}",
            list(entity_ids),
        )


async def forget_served(connection: DatabaseConnection, entity_ids: Sequence[str]) -> None:
    """Has the final forms of entities written anew when they are stitched next, with their index rows."""
    await index.remove_entities(connection, entity_ids, only_unserved=True)
    await connection.execute(
        f"UPDATE final_entities SET hash = '' WHERE {among(connection, 'entity_id', '$1')}",
        list(entity_ids),
    )
