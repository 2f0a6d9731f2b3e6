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


async def find_links(connection: DatabaseConnection, after: str, limit: int) -> list[str]:
    """Returns entities that lead to others, and that entities lead to, but no provider: circles consist of such.

    Args:
        connection: where to look.
        after: the name to go on after, or an empty text.
        limit: how many at most, in the order of their names.
    """
    rows = await connection.fetch(
        """
        SELECT d.entity_ref FROM (
            SELECT DISTINCT source_entity_ref AS entity_ref FROM refresh_state_references WHERE source_entity_ref > $1
        ) d
        WHERE EXISTS (SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = d.entity_ref)
            AND NOT EXISTS (
                SELECT 1 FROM refresh_state_references r
                WHERE r.target_entity_ref = d.entity_ref AND r.source_key IS NOT NULL
            )
        ORDER BY d.entity_ref LIMIT $2
        """,
        after,
        limit,
    )
    return [row[0] for row in rows]


async def find_provider_names(connection: DatabaseConnection) -> list[str]:
    """Returns the names of the providers that have brought something which is still there, or wait to."""
    rows = await connection.fetch(
        """
        SELECT source_key FROM refresh_state_references WHERE source_key IS NOT NULL
        UNION SELECT source_key FROM claims WHERE source_key IS NOT NULL
        """
    )
    return sorted(row[0] for row in rows)
