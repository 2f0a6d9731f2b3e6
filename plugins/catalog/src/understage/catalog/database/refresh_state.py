"""Queries on entities before they are stitched: what was found, what was made of it, and what keeps it alive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from understage.catalog.database.dialects import (
    COPIED_AT_ONCE,
    among,
    for_no_key_update,
    for_update,
    key_share,
    skip_locked,
    slices,
    update_rows,
    write_rows,
)
from understage.plugin_api import DatabaseConnection


class KnownEntity(msgspec.Struct, frozen=True):
    """What decides whether a newly found entity changes a known one."""

    entity_id: str
    entity_ref: str
    unprocessed_hash: str
    location_key: str | None


class ClaimedEntity(msgspec.Struct, frozen=True):
    """An entity whose turn it is to be processed."""

    entity_id: str
    entity_ref: str
    unprocessed_entity: str
    result_hash: str | None
    cache: str | None
    errors: str
    failures: int


class NewEntity(msgspec.Struct, frozen=True):
    """An entity as it was found."""

    entity_id: str
    entity_ref: str
    unprocessed_entity: str
    unprocessed_hash: str
    location_key: str | None


class Edge(msgspec.Struct, frozen=True):
    """What keeps an entity alive: a provider or another entity."""

    source: str
    target_entity_ref: str


class StoredRelation(msgspec.Struct, frozen=True):
    """A relation and the entity whose processing gave it."""

    originating_entity_id: str
    source_entity_ref: str
    type: str
    target_entity_ref: str


async def claim_due(connection: DatabaseConnection, now: datetime, until: datetime, limit: int) -> list[ClaimedEntity]:
    """Takes the entities that have been due longest; if nothing comes of it, they are due again after a while."""
    return await connection.fetch(
        f"""
        UPDATE refresh_state SET next_update_at = $1
        WHERE entity_id IN (
            SELECT entity_id FROM refresh_state WHERE next_update_at <= $2
            ORDER BY next_update_at LIMIT $3 {skip_locked(connection)}
        )
        RETURNING CAST(entity_id AS text), entity_ref, unprocessed_entity, result_hash, cache, errors,
            failures
        """,  # noqa: S608 - the dialect's words only
        until,
        now,
        limit,
        row_type=ClaimedEntity,
    )


async def move_due(
    connection: DatabaseConnection, entity_ids: Sequence[str], due_at: datetime, next_update_at: datetime
) -> int:
    """Sets when those of the entities are due that are so at a certain time; returns how many these were."""
    return await connection.execute(
        f"""
        UPDATE refresh_state SET next_update_at = $1 WHERE entity_id IN (
            SELECT entity_id FROM refresh_state WHERE {among(connection, "entity_id", "$2")} AND next_update_at = $3
            ORDER BY entity_id {for_no_key_update(connection)}
        )
        """,  # noqa: S608 - the dialect's words only
        next_update_at,
        list(entity_ids),
        due_at,
    )


async def set_failures(
    connection: DatabaseConnection,
    entity_ids: Sequence[str],
    failures: int,
    due_at: datetime,
    next_update_at: datetime,
) -> None:
    """Notes how many runs of entities have failed in a row.

    Args:
        connection: of a transaction that has these rows for itself.
        entity_ids: the entities.
        failures: how many runs have failed.
        due_at: only entities that are due then get another time; others were asked for anew meanwhile.
        next_update_at: the other time.
    """
    await connection.execute(
        f"""
        UPDATE refresh_state SET failures = $1,
            next_update_at = CASE WHEN next_update_at = $2 THEN $3 ELSE next_update_at END
        WHERE {among(connection, "entity_id", "$4")}
        """,  # noqa: S608 - the dialect's words only
        failures,
        due_at,
        next_update_at,
        list(entity_ids),
    )


async def keep_existing(connection: DatabaseConnection, entity_ids: Sequence[str]) -> set[str]:
    """Returns which of these entities are still there, and keeps them from being deleted until the transaction ends."""
    rows = await connection.fetch(
        f"""
        SELECT CAST(entity_id AS text) FROM refresh_state WHERE {among(connection, "entity_id", "$1")}
        ORDER BY refresh_state.entity_id {key_share(connection)}
        """,  # noqa: S608
        list(entity_ids),
    )
    return {row[0] for row in rows}


async def find_known(connection: DatabaseConnection, refs: Sequence[str]) -> list[KnownEntity]:
    """Returns which of these entities are known already."""
    return await connection.fetch(
        "SELECT CAST(entity_id AS text), entity_ref, unprocessed_hash, location_key FROM refresh_state"  # noqa: S608
        f" WHERE {among(connection, 'entity_ref', '$1')}",
        list(refs),
        row_type=KnownEntity,
    )


async def insert_entities(connection: DatabaseConnection, entities: Iterable[NewEntity], now: datetime) -> None:
    """Adds entities, to be processed at once; those that another replica has added meanwhile stay as they are."""
    await write_rows(
        connection,
        """
        INSERT INTO refresh_state (entity_id, entity_ref, unprocessed_entity, unprocessed_hash, location_key,
            next_update_at, last_discovery_at)
        {rows} ON CONFLICT (entity_ref) DO NOTHING
        """,
        ("uuid", "text", "text", "text", "text", "timestamptz", "timestamptz"),
        [(*msgspec.structs.astuple(entity), now, now) for entity in entities],
    )


async def update_entities(connection: DatabaseConnection, entities: Iterable[NewEntity], now: datetime) -> None:
    """Replaces what was found of known entities, to be processed at once."""
    await connection.execute_many(
        """
        UPDATE refresh_state SET unprocessed_entity = $2, unprocessed_hash = $3, location_key = $4,
            next_update_at = $5, last_discovery_at = $6, failures = 0
        WHERE entity_ref = $1
        """,
        [
            (one.entity_ref, one.unprocessed_entity, one.unprocessed_hash, one.location_key, now, now)
            for one in entities
        ],
    )


async def store_results(connection: DatabaseConnection, results: Iterable[Sequence[object]]) -> None:
    """Stores what processing has made of entities.

    Args:
        connection: of a transaction.
        results: entity id, processed entity or None to keep the last good one, result hash, errors, cache.
    """
    await update_rows(
        connection,
        """
        UPDATE refresh_state SET processed_entity = COALESCE({1}, processed_entity), result_hash = {2}, errors = {3},
            cache = {4}
        """,
        "entity_id = {0}",
        ("uuid", "text", "text", "text", "text"),
        results,
    )


async def find_outgoing_edges(connection: DatabaseConnection, source_refs: Sequence[str]) -> list[Edge]:
    """Returns the edges from these entities."""
    return await connection.fetch(
        "SELECT source_entity_ref, target_entity_ref FROM refresh_state_references"  # noqa: S608
        f" WHERE {among(connection, 'source_entity_ref', '$1')}",
        list(source_refs),
        row_type=Edge,
    )


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
        """,  # noqa: S608 - the dialect's words only
        source_key,
        list(refs),
        row_type=KnownEntity,
    )


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
        f"DELETE FROM refresh_state_references WHERE {among(connection, 'target_entity_ref', '$1')}",  # noqa: S608
        list(target_refs),
    )


async def find_orphans(connection: DatabaseConnection, refs: Sequence[str]) -> list[str]:
    """Returns which of these entities nothing keeps alive."""
    rows = await connection.fetch(
        f"""
        SELECT entity_ref FROM refresh_state s WHERE {among(connection, "s.entity_ref", "$1")}
        AND NOT EXISTS (SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = s.entity_ref)
        """,  # noqa: S608
        list(refs),
    )
    return [row[0] for row in rows]


async def find_relations(connection: DatabaseConnection, originating_ids: Sequence[str]) -> list[StoredRelation]:
    """Returns the relations that these entities have given."""
    return await connection.fetch(
        "SELECT CAST(originating_entity_id AS text), source_entity_ref, type, target_entity_ref FROM relations"  # noqa: S608
        f" WHERE {among(connection, 'originating_entity_id', '$1')}",
        list(originating_ids),
        row_type=StoredRelation,
    )


async def insert_relations(connection: DatabaseConnection, relations: Iterable[StoredRelation]) -> None:
    """Adds relations."""
    columns = ("originating_entity_id", "source_entity_ref", "type", "target_entity_ref")
    for part in slices(relations, COPIED_AT_ONCE):
        await connection.copy("relations", columns, map(msgspec.structs.astuple, part))


async def delete_relations(connection: DatabaseConnection, relations: Iterable[StoredRelation]) -> None:
    """Removes relations."""
    await connection.execute_many(
        """
        DELETE FROM relations WHERE originating_entity_id = $1 AND source_entity_ref = $2 AND type = $3
            AND target_entity_ref = $4
        """,
        [msgspec.structs.astuple(relation) for relation in relations],
    )


async def find_relation_sources(connection: DatabaseConnection, refs: Sequence[str]) -> list[str]:
    """Returns whose relations change when these entities go: the sources of relations that they have given."""
    rows = await connection.fetch(
        f"""
        SELECT DISTINCT r.source_entity_ref FROM relations r
        JOIN refresh_state s ON s.entity_id = r.originating_entity_id
        WHERE {among(connection, "s.entity_ref", "$1")}
        """,  # noqa: S608
        list(refs),
    )
    return [row[0] for row in rows]


async def delete_entities(connection: DatabaseConnection, refs: Sequence[str]) -> None:
    """Removes entities with all that hangs on them."""
    # Locked first: whoever is about to write index rows for them has either done so, or finds them gone.
    rows = await connection.fetch(
        f"""
        SELECT entity_id FROM refresh_state WHERE {among(connection, "entity_ref", "$1")}
        ORDER BY entity_ref {for_update(connection)}
        """,  # noqa: S608
        list(refs),
    )
    ids = [row[0] for row in rows]
    await connection.execute(f"DELETE FROM search WHERE {among(connection, 'entity_id', '$1')}", ids)  # noqa: S608
    await connection.execute(f"DELETE FROM refresh_state WHERE {among(connection, 'entity_id', '$1')}", ids)  # noqa: S608


async def find_target_refs(connection: DatabaseConnection, source_refs: Sequence[str]) -> list[str]:
    """Returns the entities that these entities keep alive."""
    return sorted({edge.target_entity_ref for edge in await find_outgoing_edges(connection, source_refs)})
