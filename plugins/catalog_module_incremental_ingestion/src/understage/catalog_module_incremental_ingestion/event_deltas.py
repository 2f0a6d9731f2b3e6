"""Applies what events change in the sources of providers."""

from __future__ import annotations

import asyncio

from understage.catalog_api import DeltaMutation, EntityProviderConnection, Removal, parse_entity_ref
from understage.catalog_module_incremental_ingestion.database import ingestions, seen
from understage.catalog_module_incremental_ingestion.naming import name_entities
from understage.catalog_module_incremental_ingestion.providers import IncrementalEventHandler
from understage.plugin_api import DatabaseService, Event, LoggerService


class EventDeltas:
    """Applies the deltas of one provider's events.

    What an event brings counts as seen by the ingestion that is open; between two, the next one has to see it.

    Args:
        provider: the provider's name.
        handler: tells what an event changes.
        database: the catalog's database.
        connection: the provider's way into the catalog.
        lock: held while an event is applied.
        logger: is told of entities that are left out.
    """

    def __init__(
        self,
        provider: str,
        handler: IncrementalEventHandler,
        database: DatabaseService,
        connection: EntityProviderConnection,
        lock: asyncio.Lock,
        logger: LoggerService,
    ) -> None:
        self._provider = provider
        self._handler = handler
        self._database = database
        self._connection = connection
        self._lock = lock
        self._logger = logger

    async def take(self, event: Event) -> None:
        """Applies what an event changes.

        Args:
            event: of one of the handler's topics.

        Raises:
            InputError: a removed entity is no entity reference.
        """
        delta = await self._handler.on_event(event)
        if delta is None:
            self._logger.debug("An event changes nothing", topic=event.topic)
            return
        async with self._lock:
            await self._apply(delta, event.topic)

    async def _apply(self, delta: DeltaMutation, topic: str) -> None:
        named = await asyncio.to_thread(name_entities, delta.added)
        if named.problem is not None:
            self._logger.warning(named.problem, topic=topic)
        removed = {_ref(one) for one in delta.removed} - set(named.refs)
        ingestion = await ingestions.find_open(self._database, self._provider)
        async with self._database.transaction() as connection:
            await seen.track(connection, self._provider, named.refs, None if ingestion is None else ingestion.id)
        await self._connection.apply_mutation(DeltaMutation(named.entities, delta.removed))
        if removed:
            await seen.forget(self._database, self._provider, sorted(removed))


def _ref(removed: str | Removal) -> str:
    return str(parse_entity_ref(removed.entity_ref if isinstance(removed, Removal) else removed))
