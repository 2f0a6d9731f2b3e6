"""Takes newly found entities into the catalog: inserts, updates, conflicts, and what nothing leads to any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from understage.catalog.database import refresh_state, stitching
from understage.catalog.database.refresh_state import Edge, KnownEntity, NewEntity
from understage.catalog.model.entity_ids import new_entity_id
from understage.catalog.processing.collector import Child
from understage.plugin_api import DatabaseConnection


@dataclass(frozen=True, slots=True)
class Found:
    """An entity and who found it.

    Attributes:
        source: a provider's name or an entity's ref.
        child: the entity.
    """

    source: str
    child: Child


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entity that was refused, because another location has the name.

    Attributes:
        source: who found it.
        ref: the name.
        location_key: of the newcomer.
        holder: location key of the one that has the name.
    """

    source: str
    ref: str
    location_key: str | None
    holder: str | None

    def __str__(self) -> str:
        """Says who wanted the name and who has it."""
        wanted, held = self.location_key or "no location", self.holder or "an entity without a location"
        return (
            f"{self.ref} from {wanted} is left out: {held} has brought an entity of this name already; rename one of "
            "them, or remove the other one first"
        )


@dataclass(slots=True)
class Discovery:
    """What taking in comes to.

    Attributes:
        edges: who leads to what, of the entities that were taken.
        conflicts: entities that were refused.
    """

    edges: list[Edge] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


async def take_in(connection: DatabaseConnection, found: Sequence[Found], now: datetime) -> Discovery:
    """Inserts or updates entities. A name belongs to the location that brought it first, as long as it does.

    Args:
        connection: of a transaction.
        found: the entities; edges to them are left to the caller.
        now: when they are due to be processed.
    """
    refs = sorted({one.child.ref for one in found})
    known = {one.entity_ref: one for one in await refresh_state.find_known(connection, refs)}
    # A batch of Locations may hold thousands of entities.
    discovery, new, changed, claimed = await asyncio.to_thread(_sort_out, found, known)
    await refresh_state.insert_entities(connection, new.values(), now)
    await refresh_state.update_entities(connection, changed.values(), now)
    if claimed:
        await refresh_state.delete_incoming_edges(connection, sorted(claimed))
    await _drop_lost_races(connection, new, discovery)
    return discovery


def _sort_out(
    found: Sequence[Found], known: dict[str, KnownEntity]
) -> tuple[Discovery, dict[str, NewEntity], dict[str, NewEntity], set[str]]:
    """Returns edges and conflicts, and the entities that are new, have changed, and get an owner."""
    discovery = Discovery()
    new: dict[str, NewEntity] = {}
    changed: dict[str, NewEntity] = {}
    claimed: set[str] = set()
    for one in sorted(found, key=lambda item: item.child.ref):
        child, holder = one.child, known.get(one.child.ref)
        if holder is None:
            entity = _entity(new_entity_id(), child)
            new[child.ref] = entity
            known[child.ref] = KnownEntity(entity.entity_id, child.ref, child.hash, child.location_key)
        elif holder.location_key is not None and holder.location_key != child.location_key:
            discovery.conflicts.append(Conflict(one.source, child.ref, child.location_key, holder.location_key))
            continue
        else:
            if holder.location_key is None and child.location_key is not None:
                claimed.add(child.ref)
            if holder.unprocessed_hash != child.hash or holder.location_key != child.location_key:
                changed[child.ref] = _entity(holder.entity_id, child)
        discovery.edges.append(Edge(one.source, child.ref))
    return discovery, new, changed, claimed


def _entity(entity_id: str, child: Child) -> NewEntity:
    return NewEntity(entity_id, child.ref, child.entity, child.hash, child.location_key)


async def _drop_lost_races(connection: DatabaseConnection, new: dict[str, NewEntity], discovery: Discovery) -> None:
    """Turns inserts that another replica was faster with into conflicts, unless both come from the same location."""
    if not new:
        return
    for holder in await refresh_state.find_known(connection, list(new)):
        mine = new[holder.entity_ref]
        if holder.entity_id == mine.entity_id or holder.location_key in (None, mine.location_key):
            continue
        for edge in [edge for edge in discovery.edges if edge.target_entity_ref == holder.entity_ref]:
            discovery.edges.remove(edge)
            discovery.conflicts.append(Conflict(edge.source, holder.entity_ref, mine.location_key, holder.location_key))


async def delete_orphans(connection: DatabaseConnection, candidates: Sequence[str], now: datetime) -> list[str]:
    """Deletes those of the entities that nothing leads to, and then what only they led to.

    Args:
        connection: of a transaction, after the edges to the candidates were removed.
        candidates: entities that may have become orphans.
        now: when the entities that were related to them are due for stitching.

    Returns:
        refs of the deleted entities.
    """
    deleted: list[str] = []
    while candidates:
        orphans = await refresh_state.find_orphans(connection, candidates)
        if not orphans:
            break
        candidates = await refresh_state.find_target_refs(connection, orphans)
        peers = set(await refresh_state.find_relation_sources(connection, orphans)) - set(orphans)
        # The queue is locked before the entities are, as everywhere: two replicas must not wait for each other.
        await stitching.request_stitching(connection, peers, now)
        await refresh_state.delete_entities(connection, orphans)
        deleted += orphans
    return deleted
