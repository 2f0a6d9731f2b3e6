"""A provider's way into the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from understage.catalog.database import refresh_state, stitching
from understage.catalog.database.refresh_state import Edge, KnownEntity
from understage.catalog.model.envelope import check_envelope
from understage.catalog.processing.collector import Child
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.discovery import Conflict, Found, delete_orphans, take_in
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.totals import CHANGES_CHANNEL
from understage.catalog_api import DeferredEntity, DeltaMutation, FullMutation, parse_entity_ref, stringify_entity_ref
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService


class ProviderConnection:
    """Applies what a provider brings; implements `EntityProviderConnection`.

    Args:
        source_key: the provider's name.
        database: the catalog's database.
        logger: where refused entities are reported.
        on_change: called when there is something to process.
    """

    def __init__(
        self, source_key: str, database: DatabaseService, logger: LoggerService, on_change: Callable[[], None]
    ) -> None:
        self._source_key = source_key
        self._database = database
        self._logger = logger
        self._on_change = on_change

    async def apply_mutation(self, mutation: FullMutation | DeltaMutation) -> None:
        """Changes what the provider has brought, all of it or nothing.

        Args:
            mutation: all that there is now, or the difference.

        Raises:
            InputError: an entity lacks `apiVersion`, `kind` or `metadata.name`.
        """
        entities = mutation.entities if isinstance(mutation, FullMutation) else mutation.added
        children = {child.ref: child for child in map(_child, entities)}
        removed = None if isinstance(mutation, FullMutation) else [str(parse_entity_ref(r)) for r in mutation.removed]

        async def apply(connection: DatabaseConnection) -> list[Conflict]:
            conflicts = await self._apply(connection, children, removed)
            await connection.notify(CHANGES_CHANNEL)
            return conflicts

        for conflict in await in_transaction(self._database, apply):
            self._logger.warning(str(conflict), entity=conflict.ref, provider=self._source_key)
        self._on_change()

    async def _apply(
        self, connection: DatabaseConnection, children: dict[str, Child], removed: Sequence[str] | None
    ) -> list[Conflict]:
        now = datetime.now(UTC)
        before = {one.entity_ref: one for one in await refresh_state.find_provided(connection, self._source_key)}
        gone = set(before) - set(children) if removed is None else set(removed) & set(before)
        # An entity that has moved to another location starts anew, under a new id.
        gone |= {ref for ref, child in children.items() if ref in before and _has_moved(before[ref], child)}
        await self._remove(connection, sorted(gone), now)
        changed = [
            child
            for ref, child in children.items()
            if ref in gone or ref not in before or before[ref].unprocessed_hash != child.hash
        ]
        if not changed:
            return []
        discovery = await take_in(connection, [Found(self._source_key, child) for child in changed], now)
        kept = set(before) - gone
        edges = [edge for edge in discovery.edges if edge.target_entity_ref not in kept]
        await refresh_state.insert_provider_edges(connection, edges)
        return discovery.conflicts

    async def _remove(self, connection: DatabaseConnection, refs: Sequence[str], now: datetime) -> None:
        if not refs:
            return
        edges = [Edge(self._source_key, ref) for ref in refs]
        await refresh_state.delete_provider_edges(connection, edges)
        deleted = await delete_orphans(connection, refs, now)
        await stitching.request_stitching(connection, set(refs) - set(deleted), now)


def _has_moved(before: KnownEntity, child: Child) -> bool:
    return before.location_key != child.location_key


def _child(deferred: DeferredEntity) -> Child:
    check_envelope(deferred.entity)
    text = msgspec.json.encode(deferred.entity).decode()
    return Child(stringify_entity_ref(deferred.entity), text, text_hash(text), deferred.location_key)
