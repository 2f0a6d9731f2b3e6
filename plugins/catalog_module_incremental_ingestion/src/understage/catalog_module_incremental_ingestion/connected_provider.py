"""An incremental provider as the catalog sees it: an entity provider that works on a schedule."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from understage.catalog_api import EntityProviderConnection
from understage.catalog_module_incremental_ingestion.added_providers import AddedProvider
from understage.catalog_module_incremental_ingestion.engine import Engine
from understage.catalog_module_incremental_ingestion.event_deltas import EventDeltas
from understage.catalog_module_incremental_ingestion.gauges import Gauges
from understage.plugin_api import DatabaseService, EventsService, LoggerService, SchedulerService

SHORTEST_TICK = timedelta(seconds=1)
LONGEST_TICK = timedelta(seconds=5)
GRACE = timedelta(minutes=1)


class ConnectedProvider:
    """Implements `EntityProvider` for an incremental one.

    Args:
        added: the incremental provider.
        database: the catalog's database.
        scheduler: lets one replica at a time work.
        events: what the provider may hear of.
        gauges: measure when ingestions begin and end.
        logger: is told how it goes.
    """

    def __init__(
        self,
        added: AddedProvider,
        database: DatabaseService,
        scheduler: SchedulerService,
        events: EventsService,
        gauges: Gauges,
        logger: LoggerService,
    ) -> None:
        self._added = added
        self._database = database
        self._scheduler = scheduler
        self._events = events
        self._gauges = gauges
        self._logger = logger.child(provider=added.provider.name)

    @property
    def name(self) -> str:
        """The incremental provider's name."""
        return self._added.provider.name

    async def connect(self, connection: EntityProviderConnection) -> None:
        """Schedules the provider, and subscribes it to its events."""
        lock = asyncio.Lock()
        engine = Engine(self._added, self._database, connection, lock, self._gauges, self._logger)
        options = self._added.options
        await self._scheduler.schedule_task(
            id=self.name,
            frequency=min(max(options.burst_interval, SHORTEST_TICK), LONGEST_TICK),
            timeout=options.burst_length + GRACE,
            fn=engine.tick,
        )
        handler = self._added.event_handler
        topics = handler.event_topics() if handler is not None else ()
        if handler is not None and topics:
            deltas = EventDeltas(self.name, handler, self._database, connection, lock, self._logger)
            await self._events.subscribe(f"catalog-incremental-ingestion:{self.name}", topics, deltas.take)
