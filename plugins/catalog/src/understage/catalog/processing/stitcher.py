"""Stitches: puts entities with their relations and errors into their final form, and indexes them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from understage.catalog.database import index, stitching
from understage.catalog.database.index import SearchRow
from understage.catalog.database.stitching import FinalEntity, OutgoingRelation, ProcessedEntity
from understage.catalog.processing.final_form import final_form
from understage.catalog.processing.search_rows import search_rows
from understage.plugin_api import DatabaseConnection


@dataclass(slots=True)
class Stitched:
    """Entities whose final form has changed.

    Attributes:
        entities: the entities as they are served.
        rows: their index rows.
        existing_ids: ids of those that were served before.
    """

    entities: list[FinalEntity] = field(default_factory=list)
    rows: list[SearchRow] = field(default_factory=list)
    existing_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StitchedBatch:
    """What came of a batch.

    Attributes:
        looked_at: how many entities were taken from the queue.
        changed: how many of them have changed.
        requested_at: since when the first of them was in the queue, or None if it was empty.
    """

    looked_at: int = 0
    changed: int = 0
    requested_at: datetime | None = None


async def stitch_batch(connection: DatabaseConnection, now: datetime, limit: int) -> StitchedBatch:
    """Stitches the entities that have waited longest.

    Claiming, reading and writing are one transaction: a crash leaves the queue as it was, and an entity is never
    served in another form than it is indexed in.

    Args:
        connection: of a transaction.
        now: the time to note as the last update.
        limit: how many at most.

    Returns:
        how many were taken from the queue, and how many of them have changed.
    """
    requests = await stitching.claim_requests(connection, limit)
    if not requests:
        return StitchedBatch()
    refs = [request.entity_ref for request in requests]
    processed = await stitching.find_processed(connection, refs)
    relations = await stitching.find_outgoing_relations(connection, refs)
    stitched = await asyncio.to_thread(_stitch, processed, relations)
    if stitched.entities:
        await _write(connection, stitched, now)
    return StitchedBatch(len(refs), len(stitched.entities), min(request.requested_at for request in requests))


def _stitch(processed: Sequence[ProcessedEntity], relations: Sequence[OutgoingRelation]) -> Stitched:
    by_source: defaultdict[str, list[OutgoingRelation]] = defaultdict(list)
    for relation in relations:
        by_source[relation.source_entity_ref].append(relation)
    stitched = Stitched()
    for one in processed:
        entity, digest = final_form(one, sorted(set(by_source[one.entity_ref])))
        if digest == one.hash:
            continue
        text = msgspec.json.encode(entity).decode()
        stitched.entities.append(FinalEntity(one.entity_id, one.entity_ref, entity["kind"].lower(), text, digest))
        stitched.rows += search_rows(one.entity_id, entity)
        if one.hash is not None:
            stitched.existing_ids.append(one.entity_id)
    return stitched


async def _write(connection: DatabaseConnection, stitched: Stitched, now: datetime) -> None:
    existing = set(stitched.existing_ids)
    await stitching.insert_final_entities(
        connection, [one for one in stitched.entities if one.entity_id not in existing], now
    )
    rows, gone = stitched.rows, list[SearchRow]()
    if existing:
        changed = [one for one in stitched.entities if one.entity_id in existing]
        await stitching.store_final_entities(connection, changed, now)
        before = await index.find_rows(connection, stitched.existing_ids)
        rows, gone = await asyncio.to_thread(_difference, rows, before)
    await index.change_rows(connection, rows, gone)


def _difference(rows: Sequence[SearchRow], before: Sequence[SearchRow]) -> tuple[list[SearchRow], list[SearchRow]]:
    known, wanted = set(before), set(rows)
    return [row for row in rows if row not in known], [row for row in before if row not in wanted]
