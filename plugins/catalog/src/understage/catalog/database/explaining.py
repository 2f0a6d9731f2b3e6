"""Queries for the explanation of one entity."""

from __future__ import annotations

from datetime import datetime

import msgspec

from understage.plugin_api import DatabaseConnection


class EntityState(msgspec.Struct, frozen=True):
    """What is stored of an entity, the JSON texts as they are."""

    entity_id: str
    unprocessed_entity: str
    was_processed: bool
    errors: str
    location_key: str | None
    next_update_at: datetime
    last_discovery_at: datetime
    failures: int
    last_updated_at: datetime | None
    stitch_requested_at: datetime | None


async def find_state(connection: DatabaseConnection, ref: str) -> EntityState | None:
    """Returns what is stored of an entity."""
    return await connection.fetch_row(
        """
        SELECT CAST(s.entity_id AS text), s.unprocessed_entity,
            CASE WHEN s.processed_entity IS NULL THEN 0 ELSE 1 END = 1, s.errors, s.location_key, s.next_update_at,
            s.last_discovery_at, s.failures, f.last_updated_at, q.requested_at
        FROM refresh_state s
        LEFT JOIN final_entities f ON f.entity_id = s.entity_id
        LEFT JOIN stitch_queue q ON q.entity_ref = s.entity_ref
        WHERE s.entity_ref = $1
        """,
        ref,
        row_type=EntityState,
    )


async def count_due_before(connection: DatabaseConnection, at: datetime) -> int:
    """Returns how many entities are due before a time."""
    return await _number(connection, "SELECT count(*) FROM refresh_state WHERE next_update_at < $1", at)


async def count_relations(connection: DatabaseConnection, ref: str) -> int:
    """Returns how many relations an entity has."""
    query = (
        "SELECT count(*) FROM"
        " (SELECT DISTINCT type, target_entity_ref FROM relations WHERE source_entity_ref = $1) AS distinct_relations"
    )
    return await _number(connection, query, ref)


async def find_keys(connection: DatabaseConnection, entity_id: str) -> list[str]:
    """Returns the refresh keys of an entity."""
    rows = await connection.fetch("SELECT key FROM refresh_keys WHERE entity_id = $1 ORDER BY key", entity_id)
    return [row[0] for row in rows]


async def find_errors_that_name(connection: DatabaseConnection, text: str, limit: int) -> list[tuple[str, str]]:
    """Returns entities and the JSON texts of their errors, of those that have some with a text in them."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await connection.fetch(
        r"""
        SELECT entity_ref, errors FROM refresh_state
        WHERE errors <> '[]' AND lower(errors) LIKE $1 ESCAPE '\' ORDER BY entity_ref LIMIT $2
        """,
        f"%{escaped}%",
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def _number(connection: DatabaseConnection, query: str, *values: object) -> int:
    row = await connection.fetch_row(query, *values)
    return 0 if row is None else int(row[0])
