"""Queries on what keeps entities alive: the providers and entities that lead to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from understage.catalog.database.dialects import among, for_update, write_rows
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


def provided_among(connection: DatabaseConnection, source_key: str, refs: str) -> str:
    """Returns the condition that an edge `r` leads from a provider to one of a list of entities.

    Args:
        connection: tells the dialect.
        source_key: the placeholder of the provider's name.
        refs: the placeholder of the list.
    """
    # The provider is named such that no index serves it: on tables that were never analysed, Postgres would go through
    # all that the provider leads to, for each of these entities.
    return f"{among(connection, 'r.target_entity_ref', refs)} AND r.source_key IS NOT DISTINCT FROM {source_key}"


async def find_provided_among(
    connection: DatabaseConnection, source_key: str, refs: Sequence[str]
) -> list[KnownEntity]:
    """Returns which of these entities a provider has brought."""
    return await connection.fetch(
        f"""
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.unprocessed_hash, s.location_key
        FROM refresh_state_references r JOIN refresh_state s ON s.entity_ref = r.target_entity_ref
        WHERE {provided_among(connection, "$1", "$2")}
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


async def delete_edges(connection: DatabaseConnection, edges: Iterable[Edge]) -> set[Edge]:
    """Removes edges from entities to entities; returns those that were there."""
    targets: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        targets[edge.source].append(edge.target_entity_ref)
    deleted: set[Edge] = set()
    for source in sorted(targets):
        deleted |= {
            Edge(source, ref) for ref in await _delete(connection, "source_entity_ref", source, targets[source])
        }
    return deleted


async def delete_provider_edges(connection: DatabaseConnection, source_key: str, refs: Sequence[str]) -> set[str]:
    """Removes edges from a provider to entities; returns the entities of those that were there."""
    return await _delete(connection, "source_key", source_key, refs)


async def _delete(connection: DatabaseConnection, column: str, source: str, refs: Sequence[str]) -> set[str]:
    # In the order of their ids, as everywhere: two replicas must not wait for each other.
    query = f"""
        WITH doomed AS (
            SELECT id FROM refresh_state_references
            WHERE {column} = $1 AND {among(connection, "target_entity_ref", "$2")}
            ORDER BY id {for_update(connection)}
        )
        DELETE FROM refresh_state_references WHERE id IN (SELECT id FROM doomed) RETURNING target_entity_ref
        """
    return {row[0] for row in await connection.fetch(query, source, list(refs))}
