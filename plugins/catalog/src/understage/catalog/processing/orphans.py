"""Finds what nothing leads to any more, hands its names over to whoever waits for them, and deletes the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from understage.catalog.database import claims, reachability, references, refresh_state, relations, stitching
from understage.catalog.database.claims import StoredClaim
from understage.catalog.database.reachability import Incoming
from understage.catalog.database.references import Edge
from understage.catalog.database.refresh_state import NewEntity
from understage.catalog.model.entity_ids import new_entity_id
from understage.plugin_api import DatabaseConnection

LINKS_AT_ONCE = 1000

Sources = Mapping[str, Sequence[Incoming]]
"""What leads to entities, by their names."""


@dataclass(slots=True)
class Collected:
    """What became of entities that lost what led to them.

    Attributes:
        deleted: refs of those that are gone.
        handed_over: refs of those that somebody else brings from now on, with the location keys of these.
    """

    deleted: list[str] = field(default_factory=list)
    handed_over: dict[str, str | None] = field(default_factory=dict)


async def collect(connection: DatabaseConnection, candidates: Iterable[str], now: datetime) -> Collected:
    """Deletes those of the entities that no provider leads to, and then what only they led to.

    Names that somebody waits for are handed over instead: the entity stays, and is served without a gap until what the
    successor brings has been processed.

    Args:
        connection: of a transaction, after what led to the candidates was removed.
        candidates: entities that may have lost everything that kept them alive.
        now: when what changes by it becomes due.
    """
    collected = Collected()
    waiting = sorted(set(candidates))
    while waiting:
        dead = await find_dead(connection, waiting)
        if not dead:
            break
        orphans = sorted(dead)
        peers = set(await relations.find_relation_sources(connection, orphans)) - dead
        # The queue is locked before the entities are, as everywhere: two replicas must not wait for each other.
        await stitching.request_stitching(connection, peers, now)
        await reachability.lock_entities(connection, orphans)
        if await find_dead(connection, orphans) != dead:
            continue  # another replica has just found one of them
        handed = await hand_over(connection, orphans, now)
        if handed:
            # They live again, and maybe others in this circle by them.
            collected.handed_over |= handed
            continue
        children = await references.find_target_refs(connection, orphans)
        await refresh_state.delete_entities(connection, orphans)
        collected.deleted += orphans
        waiting = sorted(set(children) - dead)
    return collected


async def find_dead(connection: DatabaseConnection, refs: Sequence[str]) -> set[str]:
    """Returns those of the entities, and of what leads to them, that no provider leads to.

    Args:
        connection: where to look.
        refs: the entities.
    """
    return without_root(await walk_up(connection, refs))


async def find_dead_circles(connection: DatabaseConnection, limit: int) -> list[str]:
    """Returns entities in circles that no provider leads to, with what leads to them; some of them, if there are many.

    It looks at what both leads and is led to, which few entities do, and not at everything that is led to.

    Args:
        connection: where to look.
        limit: how many are enough.
    """
    found: set[str] = set()
    after = ""
    while len(found) < limit and (links := await reachability.find_links(connection, after, LINKS_AT_ONCE)):
        found |= await find_dead(connection, links)
        after = links[-1]
    return sorted(found)


async def walk_up(connection: DatabaseConnection, refs: Collection[str]) -> Sources:
    """Returns what leads to entities, and to what leads to these, up to what a provider brings.

    What it costs depends on how much leads to them and not on the catalog.

    Args:
        connection: where to look.
        refs: the entities.
    """
    sources: dict[str, list[Incoming]] = defaultdict(list)
    frontier = sorted(set(refs))
    while frontier:
        for edge in await reachability.find_incoming(connection, frontier):
            sources[edge.target_entity_ref].append(edge)
        # What a provider brings is alive; nothing above it needs to be known.
        open_ends = [ref for ref in frontier if ref in sources and not _is_provided(sources[ref])]
        parents = {edge.source_entity_ref for ref in open_ends for edge in sources[ref] if edge.source_entity_ref}
        frontier = sorted(parents - sources.keys())
    return sources


def without_root(sources: Sources) -> set[str]:
    """Returns those of the entities that no provider leads to."""
    targets: dict[str, list[str]] = defaultdict(list)
    for ref, edges in sources.items():
        for edge in edges:
            if edge.source_entity_ref is not None:
                targets[edge.source_entity_ref].append(ref)
    dead = set(sources)
    alive = [ref for ref, edges in sources.items() if _is_provided(edges)]
    while alive:
        ref = alive.pop()
        if ref in dead:
            dead.remove(ref)
            alive += targets[ref]
    return dead


def _is_provided(edges: Sequence[Incoming]) -> bool:
    return any(edge.source_key is not None for edge in edges)


async def hand_over_free(connection: DatabaseConnection, refs: Sequence[str], now: datetime) -> dict[str, str | None]:
    """Gives names to whoever has waited longest for them, unless somebody else has just brought them; see `hand_over`.

    Args:
        connection: of a transaction.
        refs: names that a moment ago nobody had, or nothing led to.
        now: when the entities are due to be processed.
    """
    if not refs:
        return {}
    await reachability.lock_entities(connection, refs)
    ids = {one.entity_ref: one.entity_id for one in await refresh_state.find_known(connection, refs)}
    incoming = await reachability.find_incoming(connection, refs)
    led_to = {one.target_entity_ref for one in incoming if one.source_key or one.source_entity_ref}
    return await hand_over(connection, [ref for ref in refs if ref not in led_to], now, ids)


async def hand_over(
    connection: DatabaseConnection, refs: Sequence[str], now: datetime, ids: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """Gives names to whoever has waited longest for them.

    Args:
        connection: of a transaction.
        refs: names that nobody has, or of entities that this transaction has locked and that nothing leads to any more.
        now: when the entities are due to be processed.
        ids: of the entities, where it may be that others bring more of the names meanwhile.

    Returns:
        the names that have found a successor, with its location key.
    """
    waiting: dict[str, list[StoredClaim]] = defaultdict(list)
    for claim in await claims.take_claims(connection, refs):
        if claim.source_entity_ref not in refs:
            waiting[claim.entity_ref].append(claim)
    if not waiting:
        return {}
    if ids is None:
        ids = {one.entity_ref: one.entity_id for one in await refresh_state.find_known(connection, sorted(waiting))}
    chosen = {ref: waiting[ref][0] for ref in sorted(waiting)}
    entities = {ref: _entity(ids.get(ref) or new_entity_id(), claim) for ref, claim in chosen.items()}
    new = {ref: entity for ref, entity in entities.items() if ref not in ids}
    if await refresh_state.insert_entities(connection, new.values(), now) < len(new):
        # Somebody has just brought one of them anew, and has it now; whoever waits goes on waiting.
        holders = {one.entity_ref: one.entity_id for one in await refresh_state.find_known(connection, sorted(new))}
        chosen = {ref: one for ref, one in chosen.items() if ref in ids or holders.get(ref) == new[ref].entity_id}
    await refresh_state.update_entities(connection, [one for ref, one in entities.items() if ref in ids], now)
    # Who waits with the same location key has the same right.
    winners = [one for ref, claim in chosen.items() for one in waiting[ref] if one.location_key == claim.location_key]
    await claims.delete_claims(connection, [one.id for one in winners])
    await _add_edges(connection, winners)
    return {ref: claim.location_key for ref, claim in chosen.items()}


async def _add_edges(connection: DatabaseConnection, winners: Sequence[StoredClaim]) -> None:
    provided = [Edge(one.source_key, one.entity_ref) for one in winners if one.source_key is not None]
    led_to = [Edge(one.source_entity_ref, one.entity_ref) for one in winners if one.source_entity_ref is not None]
    if provided:
        await references.insert_provider_edges(connection, provided)
    if led_to:
        await references.insert_edges(connection, led_to)


def _entity(entity_id: str, claim: StoredClaim) -> NewEntity:
    return NewEntity(entity_id, claim.entity_ref, claim.unprocessed_entity, claim.unprocessed_hash, claim.location_key)
