"""Queries on whose turn it is to be processed, and on the leases of those who process them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum

import msgspec

from understage.catalog.database.dialects import among, for_no_key_update, key_share, skip_locked
from understage.plugin_api import DatabaseConnection


class Lane(IntEnum):
    """Why an entity is due; the lower ones go first."""

    URGENT = 0
    """Somebody waits for it."""
    NEW = 1
    """It is new, or was found changed."""
    PERIODIC = 2
    """Some time has passed since it was looked at."""


class ClaimedEntity(msgspec.Struct, frozen=True):
    """An entity whose turn it is to be processed."""

    entity_id: str
    entity_ref: str
    unprocessed_entity: str
    result_hash: str | None
    cache: str | None
    errors: str
    failures: int
    settled_by: str | None
    lane: int = Lane.PERIODIC


class Lease(msgspec.Struct, frozen=True):
    """A batch that some process has claimed.

    Attributes:
        id: its id.
        due_at: when its entities are due again.
        entity_ids: the entities.
    """

    id: str
    due_at: datetime
    entity_ids: list[str]


async def find_due_lanes(connection: DatabaseConnection, now: datetime) -> set[Lane]:
    """Returns the lanes in which something is due."""
    queries = [f"EXISTS (SELECT 1 FROM refresh_state WHERE lane = {lane:d} AND next_update_at <= $1)" for lane in Lane]
    row = await connection.fetch_row(f"SELECT {', '.join(queries)}", now)
    return {lane for lane, is_due in zip(Lane, row or (), strict=False) if is_due}


async def claim_due(
    connection: DatabaseConnection, lane: Lane, now: datetime, due_at: datetime, limit: int
) -> list[ClaimedEntity]:
    """Takes the entities of a lane that have been due longest.

    Args:
        connection: of a transaction.
        lane: the lane.
        now: the time.
        due_at: when they are due again.
        limit: how many at most.
    """
    return await connection.fetch(
        f"""
        UPDATE refresh_state SET next_update_at = $1, lane = {Lane.PERIODIC:d}
        WHERE entity_id IN (
            SELECT entity_id FROM refresh_state WHERE lane = $2 AND next_update_at <= $3
            ORDER BY next_update_at LIMIT $4 {skip_locked(connection)}
        )
        RETURNING CAST(entity_id AS text), entity_ref, unprocessed_entity, result_hash, cache, errors,
            failures, settled_by, {lane:d}
        """,
        due_at,
        int(lane),
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
        """,
        next_update_at,
        list(entity_ids),
        due_at,
    )


async def move_up(connection: DatabaseConnection, after: datetime, next_update_at: datetime) -> int:
    """Sets when those of the entities are due that are so only after a certain time; returns how many these were."""
    return await connection.execute(
        f"""
        UPDATE refresh_state SET next_update_at = $1 WHERE entity_id IN (
            SELECT entity_id FROM refresh_state WHERE next_update_at > $2
            ORDER BY entity_id {for_no_key_update(connection)}
        )
        """,
        next_update_at,
        after,
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
        """,
        failures,
        due_at,
        next_update_at,
        list(entity_ids),
    )


async def make_due(connection: DatabaseConnection, entity_ids: Sequence[str], now: datetime) -> None:
    """Makes entities due at once, wherever they still exist."""
    if entity_ids:
        await connection.execute(
            f"""
            UPDATE refresh_state SET next_update_at = $1 WHERE entity_id IN (
                SELECT entity_id FROM refresh_state WHERE {among(connection, "entity_id", "$2")}
                ORDER BY entity_id {for_no_key_update(connection)}
            )
            """,
            now,
            list(entity_ids),
        )


async def insert_lease(connection: DatabaseConnection, lease: Lease, until: datetime) -> None:
    """Notes that somebody works on a batch."""
    await connection.execute(
        "INSERT INTO leases (id, until, due_at, entity_ids) VALUES ($1, $2, $3, $4)",
        lease.id,
        until,
        lease.due_at,
        msgspec.json.encode(lease.entity_ids).decode(),
    )


async def renew_lease(connection: DatabaseConnection, lease_id: str, until: datetime) -> bool:
    """Prolongs a lease; returns whether it was still there."""
    return bool(await connection.execute("UPDATE leases SET until = $2 WHERE id = $1", lease_id, until))


async def hold_lease(connection: DatabaseConnection, lease_id: str) -> bool:
    """Keeps a lease from being taken back until the transaction ends; returns whether it was still there."""
    row = await connection.fetch_row(f"SELECT 1 FROM leases WHERE id = $1 {key_share(connection)}", lease_id)
    return row is not None


async def delete_lease(connection: DatabaseConnection, lease_id: str) -> bool:
    """Ends a lease; returns whether it was still there."""
    return bool(await connection.execute("DELETE FROM leases WHERE id = $1", lease_id))


async def take_expired_leases(connection: DatabaseConnection, now: datetime) -> list[Lease]:
    """Removes the leases that have run out, and returns them."""
    rows = await connection.fetch(
        f"""
        DELETE FROM leases WHERE id IN (SELECT id FROM leases WHERE until < $1 {skip_locked(connection)})
        RETURNING CAST(id AS text), due_at, entity_ids
        """,
        now,
    )
    return [Lease(lease_id, _time(due_at), msgspec.json.decode(ids)) for lease_id, due_at, ids in rows]


def _time(value: datetime | str) -> datetime:
    # SQLite keeps times as texts.
    return datetime.fromisoformat(value) if isinstance(value, str) else value
