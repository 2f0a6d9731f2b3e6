"""Takes newly found entities into the catalog: inserts, updates and conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from understage.catalog.database import claims, reachability, refresh_state
from understage.catalog.database.due import Lane
from understage.catalog.database.references import Edge
from understage.catalog.database.refresh_state import KnownEntity, NewEntity, Result
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
        result: what processing has made of it already; it counts only if the entity is new.
    """

    source: str
    child: Child
    lane: Lane = Lane.NEW
    result: Result | None = None


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
        finished: ids of new entities that were stored with their results.
        dispossessed: edges from entities that were turned into claims, because one of the found takes the name over.
    """

    edges: list[Edge] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    dispossessed: set[Edge] = field(default_factory=set)


async def take_in(
    connection: DatabaseConnection,
    found: Sequence[Found],
    now: datetime,
    *,
    due_at: datetime | None = None,
    led_to: AbstractSet[Edge] = frozenset(),
    is_contested: bool = False,
) -> Discovery:
    """Inserts or updates entities. A name belongs to the location that brought it first, as long as it does.

    Args:
        connection: of a transaction.
        found: the entities; edges to them are left to the caller.
        now: when they are due to be processed.
        due_at: when those are due that have a result already; needed if any has.
        led_to: edges that are there already: whoever takes one of their names over sees them.
        is_contested: whether others may want any of these names at the same time, not only those that change hands.
    """
    discovery = Discovery()
    rest = list(found)
    while rest:
        part, lost = await _take_in(connection, rest, now, due_at, led_to, is_contested=is_contested)
        discovery.edges += part.edges
        discovery.conflicts += part.conflicts
        discovery.finished |= part.finished
        discovery.dispossessed |= part.dispossessed
        # Another replica was faster with these.
        rest = [one for one in rest if one.child.ref in lost]
    return discovery


async def _take_in(
    connection: DatabaseConnection,
    found: Sequence[Found],
    now: datetime,
    due_at: datetime | None,
    led_to: AbstractSet[Edge],
    *,
    is_contested: bool,
) -> tuple[Discovery, set[str]]:
    """Returns what was taken, and names of which something else is known by now."""
    refs = sorted({one.child.ref for one in found})
    known = await _find_known(connection, refs)
    # A batch of Locations may hold thousands of entities.
    plan = await asyncio.to_thread(_sort_out, found, dict(known))
    touched = set(known) if is_contested else plan.touched & set(known)
    if touched and connection.dialect == "postgres":
        anew = await _lock_known(connection, {ref: known[ref] for ref in touched})
        if any(anew.get(ref) != known[ref] for ref in touched):
            kept = {ref: one for ref, one in known.items() if ref not in touched}
            plan = await asyncio.to_thread(_sort_out, found, kept | anew)
    dispossessed = await claims.dispossess(connection, sorted(plan.claimed), now) if plan.claimed else set()
    inserted = await refresh_state.insert_entities(connection, plan.new.values(), now, due_at)
    await refresh_state.update_entities(connection, plan.changed.values(), now)
    # Who takes over one of these names meanwhile does not see the edges that it gets now.
    shared = {edge.target_entity_ref for edge in plan.edges if edge not in led_to} & known.keys() - touched
    lost = await _hold(connection, {ref: known[ref] for ref in shared}) if shared else set()
    if inserted < len(plan.new):
        holders = await _find_known(connection, sorted(plan.new))
        lost |= {ref for ref, mine in plan.new.items() if holders[ref].entity_id != mine.entity_id}
    edges = [edge for edge in plan.edges if edge.target_entity_ref not in lost]
    conflicts = [one for one in plan.conflicts if one.ref not in lost]
    finished = {one.entity_id for ref, one in plan.new.items() if one.result_hash is not None and ref not in lost}
    return Discovery(edges, conflicts, finished, dispossessed), lost


async def _lock_known(connection: DatabaseConnection, known: dict[str, KnownEntity]) -> dict[str, KnownEntity]:
    """Keeps others from giving these names away until the transaction ends; returns what is known of them by then."""
    refs = sorted(known)
    while True:
        await reachability.lock_entities(connection, refs)
        anew = await _find_known(connection, refs)
        if anew == known:
            return anew
        # What was deleted while this waited may be there again, under another id, and is not locked yet.
        known = anew


async def _hold(connection: DatabaseConnection, known: dict[str, KnownEntity]) -> set[str]:
    """Keeps names with whoever has them; returns those that have just changed."""
    if connection.dialect != "postgres":
        return set()
    await reachability.hold_entities(connection, sorted(known))
    anew = await _find_known(connection, sorted(known))
    return {ref for ref, one in known.items() if anew.get(ref) != one}


async def _find_known(connection: DatabaseConnection, refs: Sequence[str]) -> dict[str, KnownEntity]:
    return {one.entity_ref: one for one in await refresh_state.find_known(connection, refs)}


@dataclass(slots=True)
class _Plan:
    """What is to be done with entities.

    Attributes:
        edges: who leads to what, of the entities that are taken.
        conflicts: entities that are refused.
        new: entities that are not known, by name.
        changed: known entities that have changed, by name.
        claimed: names that get an owner.
    """

    edges: list[Edge] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    new: dict[str, NewEntity] = field(default_factory=dict)
    changed: dict[str, NewEntity] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)

    @property
    def touched(self) -> set[str]:
        """Names of which more is decided than that somebody else leads to them as well."""
        return {*self.changed, *self.claimed, *(conflict.ref for conflict in self.conflicts)}


def _sort_out(found: Sequence[Found], known: dict[str, KnownEntity]) -> _Plan:
    """Decides what to do; adds to what is known what is new."""
    plan = _Plan()
    # Those with a location key first: they take names over from those without.
    for one in sorted(found, key=lambda item: (item.child.ref, item.child.location_key is None)):
        child, holder = one.child, known.get(one.child.ref)
        if holder is None:
            entity = _new(one)
            plan.new[child.ref] = entity
            known[child.ref] = KnownEntity(entity.entity_id, child.ref, child.hash, child.location_key)
        elif holder.location_key is not None and holder.location_key != child.location_key:
            plan.conflicts.append(Conflict(one.source, child, holder.location_key))
            continue
        else:
            if holder.location_key is None and child.location_key is not None:
                plan.claimed.add(child.ref)
            if holder.unprocessed_hash != child.hash or holder.location_key != child.location_key:
                plan.changed[child.ref] = _entity(holder.entity_id, one)
                known[child.ref] = KnownEntity(holder.entity_id, child.ref, child.hash, child.location_key)
        plan.edges.append(Edge(one.source, child.ref))
    return plan


def _new(found: Found) -> NewEntity:
    child, result = found.child, found.result
    if result is None:
        return _entity(new_entity_id(), found)
    return NewEntity(
        result.entity_id,
        child.ref,
        child.entity,
        child.hash,
        child.location_key,
        Lane.PERIODIC,
        result.processed_entity,
        result.result_hash,
        result.errors,
        result.cache,
        result.settled_by,
    )


def _entity(entity_id: str, found: Found) -> NewEntity:
    child = found.child
    return NewEntity(entity_id, child.ref, child.entity, child.hash, child.location_key, found.lane)
