"""Queries on the final form of entities: the queue of those out of date, and the entities."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import astuple

from understage.catalog.database.dialects import among, key_share, skip_locked, write_rows
from understage.catalog.database.due import Lane
from understage.catalog.database.orphan_circles import IS_ORPHAN
from understage.plugin_api import DatabaseConnection

_FINAL_COLUMNS = ("entity_id", "entity_ref", "kind", "final_entity", "hash", "last_updated_at")


class StitchRequest(msgspec.Struct, frozen=True):
    """An entity whose final form is out of date, and since when."""

    entity_ref: str
    requested_at: datetime


class ProcessedEntity(msgspec.Struct, frozen=True):
    """What the final form of an entity is made of, beside its relations."""

    entity_id: str
    entity_ref: str
    processed_entity: str
    errors: str
    is_orphan: bool
    hash: str | None


class OutgoingRelation(msgspec.Struct, frozen=True, order=True, gc=False):
    """A relation from an entity, whoever gave it."""

    source_entity_ref: str
    type: str
    target_entity_ref: str


class FinalEntity(msgspec.Struct, frozen=True):
    """An entity as it is served."""

    entity_id: str
    entity_ref: str
    kind: str
    final_entity: str
    hash: str


async def request_stitching(
    connection: DatabaseConnection, refs: Iterable[str], now: datetime, urgent: Collection[str] = ()
) -> None:
    """Queues entities whose final form is out of date.

    An entry that is there already is locked until the transaction ends, even if it stays as it is: whoever works on the
    queue must not take it before what is changed here can be seen.

    Args:
        connection: of a transaction.
        refs: the entities.
        now: the time; the oldest requests go first.
        urgent: those of them that go before all others.
    """
    await write_rows(
        connection,
        """
        INSERT INTO stitch_queue (entity_ref, lane, requested_at) {rows}
        ON CONFLICT (entity_ref) DO UPDATE SET lane = excluded.lane WHERE excluded.lane < stitch_queue.lane
        """,
        ("text", "smallint", "timestamptz"),
        ((ref, int(Lane.URGENT if ref in urgent else Lane.NEW), now) for ref in sorted(set(refs))),
    )


async def claim_requests(connection: DatabaseConnection, limit: int) -> list[StitchRequest]:
    """Takes the oldest entries from the queue; they come back if the transaction is rolled back."""
    rows = await connection.fetch(
        f"""
        DELETE FROM stitch_queue WHERE entity_ref IN (
            SELECT entity_ref FROM stitch_queue ORDER BY lane, requested_at LIMIT $1 {skip_locked(connection)}
        )
        RETURNING entity_ref, requested_at
        """,
        limit,
        row_type=StitchRequest,
    )
    return sorted(rows, key=lambda request: request.entity_ref)


async def find_processed(connection: DatabaseConnection, refs: Sequence[str]) -> list[ProcessedEntity]:
    """Returns those of the entities that were processed at least once with success."""
    return await connection.fetch(
        f"""
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.processed_entity, s.errors,
            {IS_ORPHAN},
            (SELECT hash FROM final_entities f WHERE f.entity_id = s.entity_id)
        FROM refresh_state s
        WHERE {among(connection, "s.entity_ref", "$1")} AND s.processed_entity IS NOT NULL
        ORDER BY s.entity_ref {key_share(connection)}
        """,
        list(refs),
        row_type=ProcessedEntity,
    )


async def find_outgoing_relations(connection: DatabaseConnection, refs: Sequence[str]) -> list[OutgoingRelation]:
    """Returns the relations of these entities, in no order; two entities may have given the same one."""
    return await connection.fetch(
        "SELECT source_entity_ref, type, target_entity_ref FROM relations"
        f" WHERE {among(connection, 'source_entity_ref', '$1')}",
        list(refs),
        row_type=OutgoingRelation,
    )


async def insert_final_entities(connection: DatabaseConnection, entities: Iterable[FinalEntity], now: datetime) -> None:
    """Writes entities that were not served before."""
    await connection.copy("final_entities", _FINAL_COLUMNS, ((*astuple(entity), now) for entity in entities))


async def store_final_entities(connection: DatabaseConnection, entities: Iterable[FinalEntity], now: datetime) -> None:
    """Writes entities as they are served, whether they were before or not."""
    await write_rows(
        connection,
        """
        INSERT INTO final_entities (entity_id, entity_ref, kind, final_entity, hash, last_updated_at) {rows}
        ON CONFLICT (entity_id) DO UPDATE SET final_entity = excluded.final_entity, hash = excluded.hash,
            last_updated_at = excluded.last_updated_at
        """,
        ("uuid", "text", "text", "text", "text", "timestamptz"),
        [(*astuple(entity), now) for entity in entities],
    )
