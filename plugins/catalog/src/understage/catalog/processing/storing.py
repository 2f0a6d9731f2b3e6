"""Stores what came of processing a batch of entities, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from understage.catalog.database import refresh_keys, refresh_state, stitching
from understage.catalog.database.refresh_state import ClaimedEntity, Edge, StoredRelation
from understage.catalog.processing.discovery import Conflict, Found, take_in
from understage.catalog.processing.orphans import collect, hand_over
from understage.catalog.processing.pipeline import Outcome
from understage.catalog.processing.waiting import note_refused_by_entities
from understage.plugin_api import DatabaseConnection

OrphanStrategy = Literal["keep", "delete"]


@dataclass(frozen=True, slots=True)
class Processed:
    """An entity with what came of its run.

    Attributes:
        claimed: the entity as it was before.
        outcome: what came of it.
        hash: of the outcome.
        begun_at: when its run began, in seconds that never go back.
    """

    claimed: ClaimedEntity
    outcome: Outcome
    hash: str
    begun_at: float = 0.0

    @property
    def is_failure(self) -> bool:
        """Whether the run has come to nothing but errors."""
        return bool(self.outcome.errors) and not self.outcome.children and self.outcome.postponed is None

    @property
    def is_repetition(self) -> bool:
        """Whether there is nothing to store beside what the processors remember."""
        return self.hash == self.claimed.result_hash


@dataclass(slots=True)
class StoredBatch:
    """What storing came to.

    Attributes:
        conflicts: entities that were refused.
        deleted: refs of entities that nothing leads to any more.
    """

    conflicts: list[Conflict] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


async def store_batch(
    connection: DatabaseConnection, batch: Sequence[Processed], now: datetime, orphan_strategy: OrphanStrategy
) -> StoredBatch:
    """Stores outcomes, and queues for stitching whatever they change.

    Args:
        connection: of a transaction.
        batch: outcomes that are no repetitions, or only in what processors remember.
        now: the time of whatever becomes due.
        orphan_strategy: what to do with entities that nothing leads to any more.
    """
    existing = await refresh_state.keep_existing(connection, [one.claimed.entity_id for one in batch])
    batch = [one for one in batch if one.claimed.entity_id in existing]
    fresh = [one for one in batch if not one.is_repetition]
    stored = StoredBatch()
    found = [Found(one.claimed.entity_ref, child) for one in fresh for child in one.outcome.children]
    discovery = await take_in(connection, found, now) if found else None
    if discovery is not None:
        stored.conflicts = discovery.conflicts
    added, removed = await _diff_edges(connection, fresh, discovery.edges if discovery else [])
    await refresh_state.delete_edges(connection, removed)
    await refresh_state.insert_edges(connection, added)
    complete = {one.claimed.entity_ref for one in fresh if one.outcome.is_complete}
    sources = [one.claimed.entity_ref for one in fresh]
    await note_refused_by_entities(connection, sources, complete, stored.conflicts, now)
    stale = await _store_relations(connection, [one for one in fresh if one.outcome.entity is not None])
    good = [one for one in fresh if one.outcome.entity is not None]
    await refresh_keys.replace_keys(
        connection,
        [one.claimed.entity_id for one in good],
        [(one.claimed.entity_id, key) for one in good for key in one.outcome.refresh_keys],
    )
    await refresh_state.store_results(connection, [_row(one) for one in batch])
    stale |= {one.claimed.entity_ref for one in fresh}
    abandoned = sorted({edge.target_entity_ref for edge in removed})
    if orphan_strategy == "keep":
        stale |= {*abandoned, *(edge.target_entity_ref for edge in added)}
    await stitching.request_stitching(connection, stale, now)
    # Who has a name that somebody was refused just now may be an orphan as well.
    candidates = {*abandoned, *(conflict.ref for conflict in stored.conflicts)}
    if orphan_strategy == "delete":
        stored.deleted = (await collect(connection, candidates, now)).deleted
    else:
        await hand_over(connection, await refresh_state.find_orphans(connection, sorted(candidates)), now)
    return stored


def _row(one: Processed) -> tuple[object, ...]:
    outcome = one.outcome
    return (
        one.claimed.entity_id,
        msgspec.json.encode(outcome.entity).decode() if outcome.entity is not None else None,
        one.hash,
        msgspec.json.encode(outcome.errors).decode(),
        msgspec.json.encode(outcome.cache).decode() if outcome.cache else None,
    )


async def _diff_edges(
    connection: DatabaseConnection, batch: Sequence[Processed], taken: Sequence[Edge]
) -> tuple[list[Edge], list[Edge]]:
    """Returns edges to add and edges to remove; a run that failed in part removes none."""
    before = set(await refresh_state.find_outgoing_edges(connection, [one.claimed.entity_ref for one in batch]))
    after = set(taken)
    complete = {one.claimed.entity_ref for one in batch if one.outcome.is_complete}
    return _sorted(after - before), _sorted(edge for edge in before - after if edge.source in complete)


def _sorted(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=lambda edge: (edge.target_entity_ref, edge.source))


async def _store_relations(connection: DatabaseConnection, batch: Sequence[Processed]) -> set[str]:
    """Writes the difference between old and new relations; returns whose relations change by it."""
    before = set(await refresh_state.find_relations(connection, [one.claimed.entity_id for one in batch]))
    after = {
        StoredRelation(one.claimed.entity_id, source, kind, target)
        for one in batch
        for source, kind, target in one.outcome.relations
    }
    await refresh_state.delete_relations(connection, before - after)
    await refresh_state.insert_relations(connection, after - before)
    return {relation.source_entity_ref for relation in before ^ after}
