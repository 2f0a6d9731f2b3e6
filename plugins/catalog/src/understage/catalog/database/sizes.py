"""Queries on how much there is in the catalog, and how much waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from understage.catalog.database.due import Lane
from understage.plugin_api import DatabaseConnection

# The index of what is due begins with the lane.
_IN_ANY_LANE = f"lane IN ({', '.join(f'{lane:d}' for lane in Lane)})"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is.

    Attributes:
        by_kind: entities that are served, by kind.
        locations: registered locations.
        relations: relations.
        due: entities that are due to be processed.
        oldest_due: since when the first of them is.
        to_stitch: entities that wait to be stitched.
    """

    by_kind: dict[str, int]
    locations: int
    relations: int
    due: int
    oldest_due: datetime | None
    to_stitch: int


class _Queue(msgspec.Struct, frozen=True):
    length: int
    oldest: datetime | None


class _Due(msgspec.Struct, frozen=True):
    since: datetime


# Counting millions of rows takes Postgres seconds, its own estimate nothing.
_RELATIONS = {
    "postgres": "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'relations'::regclass",
    "sqlite": "SELECT count(*) FROM relations",
}


async def count(connection: DatabaseConnection, now: datetime) -> Sizes:
    """Counts everything.

    Args:
        connection: where to count.
        now: the time.
    """
    due = await connection.fetch_row(
        f"SELECT count(*), min(next_update_at) FROM refresh_state WHERE {_IN_ANY_LANE} AND next_update_at <= $1",
        now,
        row_type=_Queue,
    )
    return Sizes(
        by_kind=dict(await connection.fetch("SELECT kind, count(*) FROM final_entities GROUP BY kind")),
        locations=await _number(connection, "SELECT count(*) FROM locations"),
        relations=await _number(connection, _RELATIONS[connection.dialect]),
        due=due.length if due else 0,
        oldest_due=due.oldest if due else None,
        to_stitch=await _number(connection, "SELECT count(*) FROM stitch_queue"),
    )


async def find_oldest_due(connection: DatabaseConnection, now: datetime) -> datetime | None:
    """Returns since when the entity is due that has been so longest."""
    row = await connection.fetch_row(
        f"SELECT next_update_at FROM ({' UNION ALL '.join(map(_oldest_of, Lane))}) o ORDER BY 1 LIMIT 1",
        now,
        row_type=_Due,
    )
    return None if row is None else row.since


def _oldest_of(lane: Lane) -> str:
    condition = f"lane = {lane:d} AND next_update_at <= $1"
    oldest = f"SELECT next_update_at FROM refresh_state WHERE {condition} ORDER BY next_update_at LIMIT 1"
    return f"SELECT next_update_at FROM ({oldest}) l{lane:d}"


async def _number(connection: DatabaseConnection, query: str) -> int:
    row = await connection.fetch_row(query)
    return 0 if row is None else int(row[0])
