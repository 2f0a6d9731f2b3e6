"""A provider's way into the catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from understage.catalog.database import (
    reachability,
    references,
    refresh_keys,
    refresh_state,
    relations,
    standing,
    stitching,
)
from understage.catalog.database.due import Lane
from understage.catalog.database.refresh_state import KnownEntity, NewEntity
from understage.catalog.model.envelope import check_envelope
from understage.catalog.processing.collector import Child
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.discovery import FEW, Conflict, Found, take_in
from understage.catalog.processing.orphan_circles import mark_circles
from understage.catalog.processing.orphans import collect
from understage.catalog.processing.retrying import OvertakenError, in_transaction
from understage.catalog.processing.waiting import note_refused_by_provider
from understage.catalog.providers.removal_guard import RemovalGuard
from understage.catalog.totals import CHANGES_CHANNEL
from understage.catalog_api import (
    DeferredEntity,
    DeltaMutation,
    FullMutation,
    Removal,
    parse_entity_ref,
    stringify_entity_ref,
)
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService

_LOCATION = "location:"


@dataclass(frozen=True, slots=True)
class _Change:
    """What a mutation comes to.

    Attributes:
        children: the entities that it brings, by name.
        removals: what a delta removes, with where it was; None for a full mutation.
        guard: what a full mutation is checked by.
    """

    children: dict[str, Child]
    removals: dict[str, str | None] | None
    guard: RemovalGuard | None = None
    refs: list[str] = field(default_factory=list)


class ProviderConnection:
    """Applies what a provider brings; implements `EntityProviderConnection`.

    Args:
        source_key: the provider's name.
        database: the catalog's database.
        logger: where refused entities are reported.
        on_change: called when there is something to process.
        guard: what keeps the provider from removing too much at once, if anything.
    """

    def __init__(
        self,
        source_key: str,
        database: DatabaseService,
        logger: LoggerService,
        on_change: Callable[[], None],
        guard: RemovalGuard | None = None,
    ) -> None:
        self._source_key = source_key
        self._database = database
        self._logger = logger
        self._on_change = on_change
        self._guard = guard

    async def apply_mutation(self, mutation: FullMutation | DeltaMutation) -> None:
        """Changes what the provider has brought, all of it or nothing.

        Args:
            mutation: all that there is now, or the difference.

        Raises:
            InputError: an entity lacks `apiVersion`, `kind` or `metadata.name`.
            RemovalRefusedError: it would remove too much of what the provider has brought.
        """
        change = await asyncio.to_thread(self._change, mutation)

        async def apply(connection: DatabaseConnection) -> list[Conflict]:
            conflicts = await self._apply(connection, change)
            await connection.notify(CHANGES_CHANNEL)
            return conflicts

        for conflict in await in_transaction(self._database, apply):
            self._logger.warning(str(conflict), entity=conflict.ref, provider=self._source_key)
        self._on_change()

    async def refresh(self, keys: Sequence[str]) -> int:
        """Has entities looked at again at once, whoever brought them.

        Args:
            keys: refresh keys, as processors have emitted them.

        Returns:
            how many entities have one of the keys.
        """

        async def refresh(connection: DatabaseConnection) -> int:
            return await refresh_keys.schedule_by_keys(connection, keys, datetime.now(UTC))

        count = await in_transaction(self._database, refresh) if keys else 0
        if count:
            self._on_change()
        return count

    def _change(self, mutation: FullMutation | DeltaMutation) -> _Change:
        if isinstance(mutation, FullMutation):
            return _Change(_children(mutation.entities), None, None if mutation.force else self._guard)
        removals = {}
        for one in mutation.removed:
            removal = one if isinstance(one, Removal) else Removal(one)
            removals[str(parse_entity_ref(removal.entity_ref))] = removal.location_key
        children = _children(mutation.added)
        return _Change(children, removals, refs=sorted({*children, *removals}))

    async def _apply(self, connection: DatabaseConnection, change: _Change) -> list[Conflict]:
        now = datetime.now(UTC)
        children = change.children
        refs = None if change.removals is None else change.refs
        found = await standing.find_of_provider(connection, self._source_key, refs)
        before = {one.entity_ref: one for one in found.known}
        gone = _gone(before, change)
        if change.guard is not None:
            change.guard.check(self._source_key, len(before), len(gone), len(children))
        # What others wait for is handed over; what has moved to another place starts anew, under a new id.
        await self._remove(connection, sorted(gone), now)
        moved = {ref for ref, child in children.items() if ref in before and _has_moved(before[ref], child)} - gone
        redirected = await self._release(connection, sorted(moved), now)
        await self._redirect(connection, [(before[ref].entity_id, children[ref]) for ref in redirected], now)
        conflicts = await self._bring(
            connection, children, {ref: before[ref] for ref in before.keys() - gone - moved}, now
        )
        given_up = None if change.removals is None else set(change.refs)
        await note_refused_by_provider(connection, self._source_key, given_up, conflicts, found.held, now)
        return conflicts

    async def _bring(
        self, connection: DatabaseConnection, children: dict[str, Child], kept: dict[str, KnownEntity], now: datetime
    ) -> list[Conflict]:
        changed = [
            child for ref, child in children.items() if ref not in kept or kept[ref].unprocessed_hash != child.hash
        ]
        if not changed:
            return []
        lane = Lane.URGENT if len(changed) <= FEW else Lane.NEW
        discovery = await take_in(
            connection, [Found(self._source_key, child, lane) for child in changed], now, is_contested=True
        )
        # Read again now that nobody else can change them: what it had may have been deleted meanwhile.
        old = sorted({edge.target_entity_ref for edge in discovery.edges} & kept.keys())
        there = await references.find_provided_among(connection, self._source_key, old) if old else []
        led_to = {one.entity_ref for one in there}
        edges = [edge for edge in discovery.edges if edge.target_entity_ref not in led_to]
        await references.insert_provider_edges(connection, edges)
        await mark_circles(connection, (), now)  # it may lead to a circle that was kept
        return discovery.conflicts

    async def _remove(self, connection: DatabaseConnection, refs: Sequence[str], now: datetime) -> None:
        if not refs:
            return
        await self._let_go(connection, refs)
        collected = await collect(connection, refs, now)
        await stitching.request_stitching(connection, set(refs) - set(collected.deleted), now)

    async def _release(self, connection: DatabaseConnection, refs: Sequence[str], now: datetime) -> list[str]:
        """Deletes entities that this provider brings from elsewhere now; the name stays with it.

        Returns:
            Locations among them that nobody else leads to; they are left for `_redirect`.
        """
        if not refs:
            return []
        await self._let_go(connection, refs)
        while True:
            orphans = await references.find_orphans(connection, refs)
            redirected = [ref for ref in orphans if ref.startswith(_LOCATION)]
            deleted = sorted(set(orphans) - set(redirected))
            peers = set(await relations.find_relation_sources(connection, deleted)) | set(refs)
            await stitching.request_stitching(connection, peers - set(deleted), now)
            await reachability.lock_entities(connection, orphans)
            if set(await references.find_orphans(connection, refs)) == set(orphans):
                break
            # Somebody else has just brought one of them from where it was; what leads to it must not be deleted.
        children = await references.find_target_refs(connection, deleted)
        await refresh_state.delete_entities(connection, deleted)
        await collect(connection, children, now)
        return redirected

    async def _redirect(
        self, connection: DatabaseConnection, moved: Sequence[tuple[str, Child]], now: datetime
    ) -> None:
        """Has Locations read elsewhere.

        What they led to is served as it is until then: what is found at the new place keeps its id, the rest goes.
        """
        lane = Lane.URGENT if len(moved) <= FEW else Lane.NEW
        entities = [NewEntity(uid, one.ref, one.entity, one.hash, one.location_key, lane) for uid, one in moved]
        await refresh_state.update_entities(connection, entities, now)

    async def _let_go(self, connection: DatabaseConnection, refs: Sequence[str]) -> None:
        lost = set(refs) - await references.delete_provider_edges(connection, self._source_key, refs)
        if lost:
            raise OvertakenError(f"The provider {self._source_key}", lost)


def _gone(before: dict[str, KnownEntity], change: _Change) -> set[str]:
    """Returns what the provider no longer brings."""
    if change.removals is None:
        return before.keys() - change.children.keys()
    removed = {
        ref
        for ref, key in change.removals.items()
        if ref in before and (key is None or key == before[ref].location_key)
    }
    return removed - change.children.keys()


def _has_moved(before: KnownEntity, child: Child) -> bool:
    return before.location_key != child.location_key


def _children(entities: Iterable[DeferredEntity]) -> dict[str, Child]:
    return {child.ref: child for child in map(_child, entities)}


def _child(deferred: DeferredEntity) -> Child:
    check_envelope(deferred.entity)
    text = msgspec.json.encode(deferred.entity).decode()
    return Child(stringify_entity_ref(deferred.entity), text, text_hash(text), deferred.location_key)
