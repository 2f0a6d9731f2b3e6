"""Queries on what keeps entities alive: the providers and entities that lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from understage.catalog.database.dialects import among, write_rows
from understage.catalog.database.refresh_state import KnownEntity
from understage.plugin_api import DatabaseConnection


class Edge(msgspec.Struct, frozen=True):
    """What keeps an entity alive: a provider or another entity."""

    source: str
    target_entity_ref: str


async def find_outgoing_edges(connection: DatabaseConnection, source_refs: Sequence[str]) -> list[Edge]:
    """Returns the edges from these entities."""
    return await connection.fetch(
        "SELECT source_entity_ref, target_entity_ref FROM refresh_state_references"
        f" WHERE {among(connection, 'source_entity_ref', '$1')}",
        list(source_refs),
        row_type=Edge,
    )


async def find_target_refs(connection: DatabaseConnection, source_refs: Sequence[str]) -> list[str]:
    """Returns the entities that these entities keep alive."""
    return sorted({edge.target_entity_ref for edge in await find_outgoing_edges(connection, source_refs)})


async def find_provided(connection: DatabaseConnection, source_key: str) -> list[KnownEntity]:
    """Returns what a provider has brought."""
    return await connection.fetch(
        """
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.unprocessed_hash, s.location_key
        FROM refresh_state_references r JOIN refresh_state s ON s.entity_ref = r.target_entity_ref
        WHERE r.source_key = $1
        """,
        source_key,
        row_type=KnownEntity,
    )


async def find_provided_among(
    connection: DatabaseConnection, source_key: str, refs: Sequence[str]
) -> list[KnownEntity]:
    """Returns which of these entities a provider has brought."""
    return await connection.fetch(
        f"""
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.unprocessed_hash, s.location_key
        FROM refresh_state_references r JOIN refresh_state s ON s.entity_ref = r.target_entity_ref
        WHERE r.source_key = $1 AND {among(connection, "r.target_entity_ref", "$2")}
        """,
        source_key,
        list(refs),
        row_type=KnownEntity,
    )


async def find_orphans(connection: DatabaseConnection, refs: Sequence[str]) -> list[str]:
    """Returns which of these entities nothing keeps alive."""
    rows = await connection.fetch(
        f"""
        SELECT entity_ref FROM refresh_state s WHERE {among(connection, "s.entity_ref", "$1")}
        AND NOT EXISTS (SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = s.entity_ref)
        """,
        list(refs),
    )
    return [row[0] for row in rows]


async def insert_edges(connection: DatabaseConnection, edges: Iterable[Edge]) -> None:
    """Adds edges from entities to entities."""
    await write_rows(
        connection,
        "INSERT INTO refresh_state_references (source_entity_ref, target_entity_ref) {rows}",
        ("text", "text"),
        [(edge.source, edge.target_entity_ref) for edge in edges],
    )


async def insert_provider_edges(connection: DatabaseConnection, edges: Iterable[Edge]) -> None:
    """Adds edges from providers to entities."""
    await connection.execute_many(
        "INSERT INTO refresh_state_references (source_key, target_entity_ref) VALUES ($1, $2)",
        [(edge.source, edge.target_entity_ref) for edge in edges],
    )


async def delete_edges(connection: DatabaseConnection, edges: Iterable[Edge]) -> None:
    """Removes edges from entities to entities."""
    edges = list(edges)
    if not edges:
        return
    await connection.execute_many(
        "DELETE FROM refresh_state_references WHERE source_entity_ref = $1 AND target_entity_ref = $2",
        [(edge.source, edge.target_entity_ref) for edge in edges],
    )


async def delete_provider_edges(connection: DatabaseConnection, edges: Iterable[Edge]) -> None:
    """Removes edges from providers to entities."""
    await connection.execute_many(
        "DELETE FROM refresh_state_references WHERE source_key = $1 AND target_entity_ref = $2",
        [(edge.source, edge.target_entity_ref) for edge in edges],
    )


async def delete_incoming_edges(connection: DatabaseConnection, target_refs: Sequence[str]) -> None:
    """Removes everything that keeps these entities alive, because a new owner has claimed them."""
    await connection.execute(
        f"DELETE FROM refresh_state_references WHERE {among(connection, 'target_entity_ref', '$1')}",
        list(target_refs),
    )
