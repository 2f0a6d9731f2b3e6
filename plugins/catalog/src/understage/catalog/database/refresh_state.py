"""Queries on entities before they are stitched: what was found, and what was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import astuple

from understage.catalog.database import index
from understage.catalog.database.dialects import (
    WIDE_ROWS_AT_ONCE,
    among,
    for_update,
    update_rows,
    write_rows,
)
from understage.catalog.database.due import Lane
from understage.plugin_api import DatabaseConnection


class KnownEntity(msgspec.Struct, frozen=True):
    """What decides whether a newly found entity changes a known one."""

    entity_id: str
    entity_ref: str
    unprocessed_hash: str
    location_key: str | None


class NewEntity(msgspec.Struct, frozen=True):
    """An entity as it was found, maybe with what processing has made of it already; see `Result`."""

    entity_id: str
    entity_ref: str
    unprocessed_entity: str
    unprocessed_hash: str
    location_key: str | None
    lane: int = Lane.NEW
    processed_entity: str | None = None
    result_hash: str | None = None
    errors: str = "[]"
    cache: str | None = None
    settled_by: str | None = None


async def find_known(connection: DatabaseConnection, refs: Sequence[str]) -> list[KnownEntity]:
    """Returns which of these entities are known already."""
    return await connection.fetch(
        "SELECT CAST(entity_id AS text), entity_ref, unprocessed_hash, location_key FROM refresh_state"
        f" WHERE {among(connection, 'entity_ref', '$1')}",
        list(refs),
        row_type=KnownEntity,
    )


async def insert_entities(
    connection: DatabaseConnection, entities: Iterable[NewEntity], now: datetime, due_at: datetime | None = None
) -> int:
    """Adds entities; those that another replica has added meanwhile stay as they are.

    Args:
        connection: of a transaction.
        entities: the entities.
        now: when those are due that processing has not made anything of yet.
        due_at: when the others are; now, if there are none.

    Returns:
        how many were added.
    """
    return await write_rows(
        connection,
        """
        INSERT INTO refresh_state (entity_id, entity_ref, unprocessed_entity, unprocessed_hash, location_key,
            lane, processed_entity, result_hash, errors, cache, settled_by, next_update_at, last_discovery_at)
        {rows} ON CONFLICT (entity_ref) DO NOTHING
        """,
        (
            *("uuid", "text", "text", "text", "text", "smallint"),
            *("text", "text", "text", "text", "text", "timestamptz", "timestamptz"),
        ),
        # Not a list: there may be many, and each row is made when it is about to be written.
        ((*astuple(one), now if one.result_hash is None else due_at or now, now) for one in entities),
        WIDE_ROWS_AT_ONCE,
    )


async def update_entities(connection: DatabaseConnection, entities: Iterable[NewEntity], now: datetime) -> None:
    """Replaces what was found of known entities, to be processed soon."""
    await update_rows(
        connection,
        """
        UPDATE refresh_state SET unprocessed_entity = {1}, unprocessed_hash = {2}, location_key = {3}, lane = {4},
            next_update_at = {5}, last_discovery_at = {5}, failures = 0
        """,
        "entity_ref = {0}",
        ("text", "text", "text", "text", "smallint", "timestamptz"),
        (
            (one.entity_ref, one.unprocessed_entity, one.unprocessed_hash, one.location_key, one.lane, now)
            for one in entities
        ),
    )


class Result(msgspec.Struct, frozen=True):
    """What processing has made of an entity.

    Attributes:
        entity_id: the entity.
        processed_entity: its JSON text, or None to keep the last good one.
        result_hash: by which the next run tells whether anything has changed.
        errors: JSON text.
        cache: JSON text of what processors remember.
        before: the hash that the entity had when it was claimed.
        settled_by: what the outcome follows from, or None if processors have asked others.
    """

    entity_id: str
    processed_entity: str | None
    result_hash: str
    errors: str
    cache: str | None
    before: str | None
    settled_by: str | None = None


async def store_results(connection: DatabaseConnection, results: Sequence[Result]) -> set[str]:
    """Stores what processing has made of entities, except of those that others have stored meanwhile, or deleted.

    Returns:
        ids of the entities that were stored; nobody else changes them until the transaction ends.
    """
    if connection.dialect == "sqlite":
        # Nobody else writes while this transaction does.
        ids = [one.entity_id for one in results]
        query = f"SELECT entity_id, result_hash FROM refresh_state WHERE {among(connection, 'entity_id', '$1')}"
        known: dict[str, str | None] = dict(await connection.fetch(query, ids))
        results = [one for one in results if one.entity_id in known and known[one.entity_id] == one.before]
    return await update_rows(
        connection,
        """
        UPDATE refresh_state SET processed_entity = COALESCE({1}, processed_entity), result_hash = {2}, errors = {3},
            cache = {4}, settled_by = {6}
        """,
        "entity_id = {0} AND (result_hash IS NULL AND {5} IS NULL OR result_hash = {5})",
        ("uuid", "text", "text", "text", "text", "text", "text"),
        [astuple(one) for one in results],
    )


_DEPENDENT_ROWS = (("relations", "originating_entity_id"), ("final_entities", "entity_id"))


async def delete_entities(connection: DatabaseConnection, refs: Sequence[str]) -> None:
    """Removes entities with all that hangs on them."""
    # Locked first: whoever is about to write index rows for them has either done so, or finds them gone.
    rows = await connection.fetch(
        f"""
        SELECT entity_id FROM refresh_state WHERE {among(connection, "entity_ref", "$1")}
        ORDER BY entity_ref {for_update(connection)}
        """,
        list(refs),
    )
    ids = [row[0] for row in rows]
    await index.remove_entities(connection, ids)
    for table, column in _DEPENDENT_ROWS:
        await connection.execute(f"DELETE FROM {table} WHERE {among(connection, column, '$1')}", ids)
    await connection.execute(f"DELETE FROM refresh_state WHERE {among(connection, 'entity_id', '$1')}", ids)
