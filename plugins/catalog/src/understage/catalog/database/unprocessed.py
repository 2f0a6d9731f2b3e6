"""Queries on entities that are not served: those that have never succeeded, those in waiting, and those refused."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from understage.plugin_api import DatabaseConnection

Reason = Literal["failed", "pending"]

_NOTHING_WRONG = "'[]'"
_CONDITIONS: dict[Reason, str] = {
    # Its last run has failed, and there was no good one before.
    "failed": f"s.processed_entity IS NULL AND s.errors <> {_NOTHING_WRONG}",
    # It has not been processed yet, or only not been stitched.
    "pending": f"(s.processed_entity IS NOT NULL OR s.errors = {_NOTHING_WRONG})",
}


class UnprocessedEntity(msgspec.Struct, frozen=True):
    """An entity that is not served; `unprocessed_entity`, `processed_entity` and `errors` are JSON texts."""

    entity_id: str
    entity_ref: str
    unprocessed_entity: str
    unprocessed_hash: str
    processed_entity: str | None
    result_hash: str | None
    next_update_at: datetime
    last_discovery_at: datetime
    errors: str
    location_key: str | None


class RefusedEntity(msgspec.Struct, frozen=True):
    """An entity that was refused; `holder_key` is the location key of the one that has its name."""

    entity_ref: str
    source_key: str | None
    source_entity_ref: str | None
    unprocessed_entity: str
    location_key: str | None
    since: datetime
    holder_id: str | None
    holder_key: str | None


async def find_unprocessed(connection: DatabaseConnection, reason: Reason) -> list[UnprocessedEntity]:
    """Returns the entities that are not served for a reason, by name."""
    return await connection.fetch(
        f"""
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.unprocessed_entity, s.unprocessed_hash, s.processed_entity,
            s.result_hash, s.next_update_at, s.last_discovery_at, s.errors, s.location_key
        FROM refresh_state s
        WHERE {_CONDITIONS[reason]}
            AND NOT EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = s.entity_id)
        ORDER BY s.entity_ref
        """,
        row_type=UnprocessedEntity,
    )


async def find_refused(connection: DatabaseConnection) -> list[RefusedEntity]:
    """Returns the entities that wait for a name, by name, the longest first."""
    return await connection.fetch(
        """
        SELECT c.entity_ref, c.source_key, c.source_entity_ref, c.unprocessed_entity, c.location_key, c.since,
            CAST(s.entity_id AS text), s.location_key
        FROM claims c LEFT JOIN refresh_state s ON s.entity_ref = c.entity_ref
        ORDER BY c.entity_ref, c.id
        """,
        row_type=RefusedEntity,
    )


async def is_served(connection: DatabaseConnection, entity_id: str) -> bool:
    """Tells whether an entity is served."""
    row = await connection.fetch_row("SELECT 1 FROM final_entities WHERE entity_id = $1", entity_id)
    return row is not None
