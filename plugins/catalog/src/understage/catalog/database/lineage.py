"""Queries on what led to entities, and on when they are looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from understage.catalog.database.dialects import among, for_no_key_update
from understage.catalog.database.due import Lane
from understage.catalog.database.orphan_circles import IS_ORPHAN
from understage.catalog.database.references import Edge
from understage.catalog.model.entity_ids import is_entity_id
from understage.plugin_api import DatabaseConnection


async def find_parents(connection: DatabaseConnection, refs: Sequence[str]) -> list[Edge]:
    """Returns the edges from entities to these entities, the oldest first."""
    return await connection.fetch(
        f"""
        SELECT source_entity_ref, target_entity_ref FROM refresh_state_references
        WHERE {among(connection, "target_entity_ref", "$1")} AND source_entity_ref IS NOT NULL ORDER BY id
        """,
        list(refs),
        row_type=Edge,
    )


async def is_alive(connection: DatabaseConnection, ref: str) -> bool:
    """Tells whether an entity is known and no orphan."""
    row = await connection.fetch_row(f"SELECT 1 FROM refresh_state s WHERE entity_ref = $1 AND NOT {IS_ORPHAN}", ref)
    return row is not None


async def find_ref(connection: DatabaseConnection, entity_id: str) -> str | None:
    """Returns the name of an entity; there is none for a text that is no id."""
    if not is_entity_id(entity_id):
        return None
    row = await connection.fetch_row("SELECT entity_ref FROM refresh_state WHERE entity_id = $1", entity_id)
    return None if row is None else row[0]


async def schedule(connection: DatabaseConnection, refs: Sequence[str], now: datetime, *, anew: bool = False) -> None:
    """Makes entities due at once, before all others: somebody waits for them.

    Args:
        connection: where to write.
        refs: the entities.
        now: the time.
        anew: whether what was made of them before is to be forgotten, so that it is stored again.
    """
    forgotten = ", result_hash = '', cache = NULL" if anew else ""
    await connection.execute(
        f"""
        UPDATE refresh_state SET lane = {Lane.URGENT:d}, next_update_at = $1{forgotten} WHERE entity_ref IN (
            SELECT entity_ref FROM refresh_state WHERE {among(connection, "entity_ref", "$2")}
            ORDER BY entity_id {for_no_key_update(connection)}
        )
        """,
        now,
        list(refs),
    )
