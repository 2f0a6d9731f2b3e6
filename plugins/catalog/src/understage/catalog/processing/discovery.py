"""Takes newly found entities into the catalog: inserts, updates and conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from understage.catalog.database import claims, refresh_state
from understage.catalog.database.due import Lane
from understage.catalog.database.refresh_state import Edge, KnownEntity, NewEntity
from understage.catalog.model.entity_ids import new_entity_id
from understage.catalog.processing.collector import Child
from understage.plugin_api import DatabaseConnection

FEW = 100
"""So many entities at once go before others, because somebody may wait for them; more are a bulk."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entity and who found it.

    Attributes:
        source: a provider's name or an entity's ref.
        child: the entity.
        lane: how soon it is to be processed, if it is new or has changed.
    """

    source: str
    child: Child
    lane: Lane = Lane.NEW


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entity that was refused, because another location has the name.

    Attributes:
        source: who found it.
        child: the newcomer.
        holder: location key of the one that has the name.
    """

    source: str
    child: Child
    holder: str | None

    @property
    def ref(self) -> str:
        """The name."""
        return self.child.ref

    @property
    def location_key(self) -> str | None:
        """Location key of the newcomer."""
        return self.child.location_key

    def __str__(self) -> str:
        """Says who wanted the name and who has it."""
        wanted, held = self.location_key or "no location", self.holder or "an entity without a location"
        return (
            f"{self.ref} from {wanted} is left out: {held} has brought an entity of this name already; rename one of "
            "them, or remove the other one: then this one takes the name over"
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
    if claimed:
        await claims.note_dispossessed(connection, sorted(claimed), now)
        await refresh_state.delete_incoming_edges(connection, sorted(claimed))
    inserted = await refresh_state.insert_entities(connection, new.values(), now)
    await refresh_state.update_entities(connection, changed.values(), now)
    if inserted < len(new):
        await _drop_lost_races(connection, new, discovery, found)
    return discovery


def _sort_out(
    found: Sequence[Found], known: dict[str, KnownEntity]
) -> tuple[Discovery, dict[str, NewEntity], dict[str, NewEntity], set[str]]:
    """Returns edges and conflicts, and the entities that are new, have changed, and get an owner."""
    discovery = Discovery()
    new: dict[str, NewEntity] = {}
    changed: dict[str, NewEntity] = {}
    claimed: set[str] = set()
    # Those with a location key first: they take names over from those without.
    for one in sorted(found, key=lambda item: (item.child.ref, item.child.location_key is None)):
        child, holder = one.child, known.get(one.child.ref)
        if holder is None:
            entity = _entity(new_entity_id(), one)
            new[child.ref] = entity
            known[child.ref] = KnownEntity(entity.entity_id, child.ref, child.hash, child.location_key)
        elif holder.location_key is not None and holder.location_key != child.location_key:
            discovery.conflicts.append(Conflict(one.source, child, holder.location_key))
            continue
        else:
            if holder.location_key is None and child.location_key is not None:
                claimed.add(child.ref)
            if holder.unprocessed_hash != child.hash or holder.location_key != child.location_key:
                changed[child.ref] = _entity(holder.entity_id, one)
                known[child.ref] = KnownEntity(holder.entity_id, child.ref, child.hash, child.location_key)
        discovery.edges.append(Edge(one.source, child.ref))
    return discovery, new, changed, claimed


def _entity(entity_id: str, found: Found) -> NewEntity:
    child = found.child
    return NewEntity(entity_id, child.ref, child.entity, child.hash, child.location_key, found.lane)


async def _drop_lost_races(
    connection: DatabaseConnection, new: dict[str, NewEntity], discovery: Discovery, found: Sequence[Found]
) -> None:
    """Turns inserts that another replica was faster with into conflicts, unless both come from the same location."""
    lost: dict[str, str | None] = {}
    for holder in await refresh_state.find_known(connection, list(new)):
        mine = new[holder.entity_ref]
        if holder.entity_id != mine.entity_id and holder.location_key not in (None, mine.location_key):
            lost[holder.entity_ref] = holder.location_key
    if lost:
        discovery.edges = [edge for edge in discovery.edges if edge.target_entity_ref not in lost]
        refused = [one for one in found if one.child.ref in lost]
        discovery.conflicts += [Conflict(one.source, one.child, lost[one.child.ref]) for one in refused]
