"""Queries on what keeps entities alive: an entity lives as long as a provider leads to it, through others or not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from understage.catalog.database.dialects import among, for_update, key_share
from understage.plugin_api import DatabaseConnection


class Incoming(msgspec.Struct, frozen=True):
    """What leads to an entity; both sources are None if nothing does."""

    target_entity_ref: str
    source_key: str | None
    source_entity_ref: str | None


async def find_incoming(connection: DatabaseConnection, refs: Sequence[str]) -> list[Incoming]:
    """Returns what leads to these entities, at least one row for each that exists."""
    return await connection.fetch(
        f"""
        SELECT s.entity_ref, r.source_key, r.source_entity_ref
        FROM refresh_state s LEFT JOIN refresh_state_references r ON r.target_entity_ref = s.entity_ref
        WHERE {among(connection, "s.entity_ref", "$1")}
        """,
        list(refs),
        row_type=Incoming,
    )


async def lock_entities(connection: DatabaseConnection, refs: Sequence[str]) -> None:
    """Takes these entities for this transaction alone: from now on nobody can add anything that leads to them."""
    await connection.fetch(
        f"""
        SELECT 1 FROM refresh_state WHERE {among(connection, "entity_ref", "$1")}
        ORDER BY entity_ref {for_update(connection)}
        """,
        list(refs),
    )


async def hold_entities(connection: DatabaseConnection, refs: Sequence[str]) -> None:
    """Keeps these entities from being deleted and their names from being given away until the transaction ends."""
    await connection.fetch(
        f"""
        SELECT 1 FROM refresh_state WHERE {among(connection, "entity_ref", "$1")}
        ORDER BY entity_ref {key_share(connection)}
        """,
        list(refs),
    )


async def find_abandoned(connection: DatabaseConnection, limit: int) -> list[str]:
    """Returns entities that nothing at all leads to."""
    rows = await connection.fetch(
        """
        SELECT s.entity_ref FROM refresh_state s WHERE NOT EXISTS (
            SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = s.entity_ref
        )
        LIMIT $1
        """,
        limit,
    )
    return sorted(row[0] for row in rows)


_UNREACHABLE = """
    WITH RECURSIVE reachable (entity_ref) AS (
        SELECT target_entity_ref FROM refresh_state_references WHERE source_key IS NOT NULL
        UNION
        SELECT r.target_entity_ref FROM refresh_state_references r
        JOIN reachable ON reachable.entity_ref = r.source_entity_ref
    )
    SELECT s.entity_ref FROM refresh_state s
    WHERE NOT EXISTS (SELECT 1 FROM reachable WHERE reachable.entity_ref = s.entity_ref)
"""


async def find_unreachable(connection: DatabaseConnection, limit: int) -> list[str]:
    """Returns entities that no provider leads to, also those that lead to each other in a circle."""
    return sorted(row[0] for row in await connection.fetch(f"{_UNREACHABLE} LIMIT $1", limit))


async def find_unreachable_links(connection: DatabaseConnection, limit: int) -> list[str]:
    """Returns entities that no provider leads to, but others do, and that lead to others: circles consist of such."""
    rows = await connection.fetch(
        f"""
        {_UNREACHABLE}
        AND EXISTS (SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = s.entity_ref)
        AND EXISTS (SELECT 1 FROM refresh_state_references r WHERE r.source_entity_ref = s.entity_ref)
        LIMIT $1
        """,
        limit,
    )
    return sorted(row[0] for row in rows)


async def find_provider_names(connection: DatabaseConnection) -> list[str]:
    """Returns the names of the providers that have brought something which is still there, or wait to."""
    rows = await connection.fetch(
        """
        SELECT source_key FROM refresh_state_references WHERE source_key IS NOT NULL
        UNION SELECT source_key FROM claims WHERE source_key IS NOT NULL
        """
    )
    return sorted(row[0] for row in rows)
