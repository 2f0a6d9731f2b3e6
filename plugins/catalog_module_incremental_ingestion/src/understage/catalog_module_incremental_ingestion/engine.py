"""What a provider does next: bursts, the waits between them, and rests."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from understage.catalog_api import EntityProviderConnection
from understage.catalog_module_incremental_ingestion.added_providers import AddedProvider
from understage.catalog_module_incremental_ingestion.burst import Burst, Outcome
from understage.catalog_module_incremental_ingestion.database import bursts, ingestions
from understage.catalog_module_incremental_ingestion.database.forgetting import forget_ended
from understage.catalog_module_incremental_ingestion.database.ingestions import Ingestion
from understage.catalog_module_incremental_ingestion.fence import Fence
from understage.catalog_module_incremental_ingestion.gauges import Gauges
from understage.errors import UnderstageError
from understage.plugin_api import AbortSignal, DatabaseService, LoggerService

_SHOWN_ERROR = 10_000


class Engine:
    """Carries a provider through its source, again and again.

    Each `tick` looks in the database what is due, so that it does not matter which replica ticks, or what became of
    the one that did before. No two may tick at the same time; if they do, the later one goes on.

    Args:
        added: the provider.
        database: the catalog's database.
        connection: the provider's way into the catalog.
        events: held while an event is applied.
        gauges: measure when ingestions begin and end.
        logger: is told how it goes.
    """

    def __init__(
        self,
        added: AddedProvider,
        database: DatabaseService,
        connection: EntityProviderConnection,
        events: asyncio.Lock,
        gauges: Gauges,
        logger: LoggerService,
    ) -> None:
        self._added = added
        self._name = added.provider.name
        self._options = added.options
        self._database = database
        self._connection = connection
        self._events = events
        self._gauges = gauges
        self._logger = logger

    async def tick(self, signal: AbortSignal) -> None:
        """Does what is due, up to the end of one burst.

        Args:
            signal: asks to end after the page that is under way.
        """
        while True:
            ingestion = await ingestions.find_open(self._database, self._name)
            if ingestion is None:
                if await self._begin():
                    continue
                return
            if not await self._is_due(ingestion):
                return
            if ingestion.next_action == "ingest":
                await self._burst(ingestion, signal)
                return
            if ingestion.next_action == "backoff":
                self._logger.info("The wait after a failure is over, the ingestion goes on", ingestion=ingestion.id)
                await ingestions.resume(self._database, ingestion.id)
            else:
                await self._end(ingestion)

    async def _begin(self) -> bool:
        ingestion_id = await ingestions.begin(self._database, self._name, datetime.now(UTC))
        if ingestion_id is not None:
            self._logger.info("An ingestion begins", ingestion=ingestion_id)
            self._gauges.started(self._name)
        return ingestion_id is not None

    async def _end(self, ingestion: Ingestion) -> None:
        canceled = ingestion.next_action == "cancel"
        async with self._database.transaction() as connection:
            await forget_ended(connection, self._name)
            await ingestions.end(
                connection, ingestion.id, "nothing (canceled)" if canceled else "nothing (done)", datetime.now(UTC)
            )

    async def _is_due(self, ingestion: Ingestion) -> bool:
        now = datetime.now(UTC)
        if now < ingestion.waits_since:
            await ingestions.wait_anew(self._database, ingestion, now)
            return ingestion.next_action_at <= ingestion.waits_since
        return now >= ingestion.next_action_at

    async def _burst(self, ingestion: Ingestion, signal: AbortSignal) -> None:
        fence = Fence(self._database, ingestion.id)
        if not await bursts.begin_burst(self._database, ingestion.id, fence.burst):
            return
        burst = Burst(self._added, fence, self._connection, self._events, self._logger)
        try:
            outcome = await burst.run(signal)
        except asyncio.CancelledError:
            if signal.reason != "timeout":
                raise
            late = UnderstageError(
                f"a page of the provider '{self._name}' has not come within the {self._options.burst_length} of a "
                "burst and a minute; give it smaller pages, or longer bursts"
            )
            await self._back_off(ingestion, fence, late)
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is shown, and tried again
            await self._back_off(ingestion, fence, error)
        else:
            await self._close(ingestion, fence, outcome)

    async def _close(self, ingestion: Ingestion, fence: Fence, outcome: Outcome) -> None:
        if outcome == "done":
            self._logger.info("All of the source was seen", ingestion=ingestion.id)
            self._gauges.completed(self._name, "completed")
        elif outcome == "interrupted":
            now = datetime.now(UTC)
            until = now + self._options.burst_interval
            await bursts.interrupt(self._database, ingestion.id, fence.burst, now, until)
        else:
            self._logger.info("A burst ends, since the ingestion was taken over", ingestion=ingestion.id)

    async def _back_off(self, ingestion: Ingestion, fence: Fence, error: Exception) -> None:
        wait: timedelta = self._options.backoff_after(ingestion.attempts)
        problem = f"{type(error).__name__}: {error}".replace("\0", "")[:_SHOWN_ERROR]
        now = datetime.now(UTC)
        if await bursts.back_off(self._database, ingestion.id, fence.burst, problem, now, now + wait):
            message = f"A burst has failed, the next one is tried in {wait}"
            self._logger.error(message, error=error, ingestion=ingestion.id)
            self._gauges.completed(self._name, "failed")
        else:
            self._logger.error("A burst that was over has failed", error=error, ingestion=ingestion.id)
