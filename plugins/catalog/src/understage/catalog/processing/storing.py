"""Stores what came of processing a batch of entities, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from understage.catalog.database import due, references, refresh_keys, refresh_state, relations, standing, stitching
from understage.catalog.database.due import ClaimedEntity, Lane
from understage.catalog.database.references import Edge
from understage.catalog.database.refresh_state import Result
from understage.catalog.database.relations import StoredRelation
from understage.catalog.database.standing import StandingOfEntities
from understage.catalog.processing.discovery import FEW, Conflict, Discovery, Found, take_in
from understage.catalog.processing.orphan_circles import mark_circles
from understage.catalog.processing.orphans import collect, hand_over_free
from understage.catalog.processing.pipeline import Outcome
from understage.catalog.processing.retrying import OvertakenError
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
        settled_by: what the outcome follows from, or None if processors have asked others.
        ahead: those of its children that were run already; they are stored with their outcomes if they are new.
        text: JSON text of the finished entity, if it was made already in place of the entity, which takes more memory.
    """

    claimed: ClaimedEntity
    outcome: Outcome
    hash: str
    begun_at: float = 0.0
    settled_by: str | None = None
    ahead: Sequence[Processed] = ()
    text: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether there is a finished entity to store."""
        return self.text is not None or self.outcome.entity is not None

    @property
    def is_failure(self) -> bool:
        """Whether the run has come to nothing but errors."""
        return bool(self.outcome.errors) and not self.outcome.children and self.outcome.postponed is None

    @property
    def is_repetition(self) -> bool:
        """Whether there is nothing to store beside what the processors remember."""
        return self.hash == self.claimed.result_hash

    @property
    def is_first(self) -> bool:
        """Whether nothing has been stored of the entity before, so that there is nothing to compare with."""
        return self.claimed.result_hash is None


@dataclass(slots=True)
class StoredBatch:
    """What storing came to.

    Attributes:
        conflicts: entities that were refused.
        deleted: refs of entities that nothing leads to any more.
        ahead: children that were stored together with their outcomes.
    """

    conflicts: list[Conflict] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    ahead: list[Processed] = field(default_factory=list)


async def store_batch(
    connection: DatabaseConnection,
    batch: Sequence[Processed],
    now: datetime,
    due_at: datetime,
    orphan_strategy: OrphanStrategy,
) -> StoredBatch:
    """Stores outcomes, and queues for stitching whatever they change.

    Args:
        connection: of a transaction.
        batch: outcomes that are no repetitions, or only in what processors remember.
        now: the time of whatever becomes due.
        due_at: when the entities of the batch are looked at again.
        orphan_strategy: what to do with entities that nothing leads to any more.
    """
    ids = await refresh_state.store_results(connection, [_result(one) for one in batch])
    await due.make_due(connection, [one.claimed.entity_id for one in batch if one.claimed.entity_id not in ids], now)
    fresh = [one for one in batch if not one.is_repetition and one.claimed.entity_id in ids]
    stored = StoredBatch()
    # Entities that were run ahead are many, and become JSON texts here.
    found = await asyncio.to_thread(_found, fresh)
    known = [one.claimed.entity_ref for one in fresh if not one.is_first]
    before = await standing.find_of_entities(connection, known) if known else StandingOfEntities()
    discovery = Discovery()
    if found:
        discovery = await take_in(connection, found, now, due_at=due_at, led_to=before.edges)
    stored.conflicts = discovery.conflicts
    stored.ahead = [ahead for one in fresh for ahead in one.ahead if ahead.claimed.entity_id in discovery.finished]
    refused = {Edge(conflict.source, conflict.ref) for conflict in stored.conflicts}
    complete = {one.claimed.entity_ref for one in fresh if one.outcome.is_complete}
    added, removed = _diff_edges(before.edges - discovery.dispossessed, set(discovery.edges), refused, complete)
    if removed:
        await _let_go(connection, removed)
    await references.insert_edges(connection, added)
    await note_refused_by_entities(connection, known, complete, discovery, before.held, now)
    fresh += stored.ahead
    good = [one for one in fresh if one.is_good]
    stale = await _store_relations(connection, good)
    await refresh_keys.replace_keys(
        connection,
        [one.claimed.entity_id for one in good if not one.is_first],
        [(one.claimed.entity_id, key) for one in good for key in one.outcome.refresh_keys],
    )
    stale |= {one.claimed.entity_ref for one in fresh}
    abandoned = sorted({edge.target_entity_ref for edge in removed})
    if orphan_strategy == "keep":
        stale |= {*abandoned, *(edge.target_entity_ref for edge in added)}
    urgent = {one.claimed.entity_ref for one in fresh if one.claimed.lane == Lane.URGENT}
    await stitching.request_stitching(connection, stale, now, urgent)
    # Who has a name that somebody was refused just now may be an orphan as well.
    candidates = {*abandoned, *(conflict.ref for conflict in stored.conflicts)}
    if orphan_strategy == "delete":
        collected = await collect(connection, candidates, now)
        stored.deleted, handed = collected.deleted, collected.handed_over
    else:
        handed = await hand_over_free(connection, await references.find_orphans(connection, sorted(candidates)), now)
        await mark_circles(connection, candidates, now)
    # Who has got the name at once, because its file was only moved, is nobody's rival.
    stored.conflicts = [one for one in stored.conflicts if handed.get(one.ref, one.holder) != one.location_key]
    return stored


def lane_of_children(parent: Processed) -> Lane:
    """Returns how soon the entities that another one led to are to be processed."""
    is_awaited = parent.claimed.lane == Lane.URGENT and len(parent.outcome.children) <= FEW
    return Lane.URGENT if is_awaited else Lane.NEW


def _found(parents: Sequence[Processed]) -> list[Found]:
    found: list[Found] = []
    for parent in parents:
        lane = lane_of_children(parent)
        ahead = {one.claimed.entity_ref: one for one in parent.ahead}
        for child in parent.outcome.children:
            one = ahead.get(child.ref)
            found.append(Found(parent.claimed.entity_ref, child, lane, None if one is None else _result(one)))
    return found


def _result(one: Processed) -> Result:
    outcome = one.outcome
    return Result(
        one.claimed.entity_id,
        one.text if outcome.entity is None else msgspec.json.encode(outcome.entity).decode(),
        one.hash,
        msgspec.json.encode(outcome.errors).decode(),
        msgspec.json.encode(outcome.cache).decode() if outcome.cache else None,
        one.claimed.result_hash,
        one.settled_by,
    )


def _diff_edges(
    before: AbstractSet[Edge], after: AbstractSet[Edge], refused: AbstractSet[Edge], complete: AbstractSet[str]
) -> tuple[list[Edge], list[Edge]]:
    """Returns edges to add and edges to remove.

    A run that failed in part removes only those to entities that it has found elsewhere than before, and was refused.
    """
    return _sorted(after - before), _sorted(
        edge for edge in before - after if edge.source in complete or edge in refused
    )


async def _let_go(connection: DatabaseConnection, edges: Sequence[Edge]) -> None:
    lost = set(edges) - await references.delete_edges(connection, edges)
    if lost:
        sources = ", ".join(sorted({edge.source for edge in lost}))
        raise OvertakenError(sources, {edge.target_entity_ref for edge in lost})


def _sorted(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=lambda edge: (edge.target_entity_ref, edge.source))


async def _store_relations(connection: DatabaseConnection, batch: Sequence[Processed]) -> set[str]:
    """Writes the difference between old and new relations; returns whose relations change by it."""
    known = [one.claimed.entity_id for one in batch if not one.is_first]
    before = await relations.find_relations(connection, known) if known else []
    added, removed = await asyncio.to_thread(_diff_relations, batch, before)
    await relations.delete_relations(connection, removed)
    await relations.insert_relations(connection, added)
    return {relation.source_entity_ref for relation in (*added, *removed)}


def _diff_relations(
    batch: Sequence[Processed], before: Sequence[StoredRelation]
) -> tuple[set[StoredRelation], set[StoredRelation]]:
    """Returns relations to add and relations to remove."""
    known = set(before)
    after = {
        StoredRelation(one.claimed.entity_id, source, kind, target)
        for one in batch
        for source, kind, target in one.outcome.relations
    }
    return after - known, known - after
