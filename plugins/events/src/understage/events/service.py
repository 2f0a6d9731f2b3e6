"""The bus: takes events, and hands them out to those who wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from understage.errors import NotFoundError, ServiceUnavailableError
from understage.events.database import BATCH, EventsDatabase, NewEvent, StoredEvent
from understage.events.waiting import Waiter, Waiters

MAX_BATCH = 500
GATHERING_SECONDS = 0.01


class EventBus:
    """The bus.

    Events that are published while others are being stored are stored together, in one transaction: the more there
    are, the less each costs. For the same reason a reader who has just got few events waits a moment for the next ones.

    Args:
        database: the tables.
        waiters: readers that found nothing.
    """

    def __init__(self, database: EventsDatabase, waiters: Waiters) -> None:
        self._database = database
        self._waiters = waiters
        self._queue: list[tuple[NewEvent, asyncio.Future[bool]]] = []
        self._storing: asyncio.Task[None] | None = None
        self._gathering: dict[str, float] = {}

    async def publish(self, event: NewEvent) -> bool:
        """Stores an event if anybody needs it, and tells whether it did.

        Raises:
            ServiceUnavailableError: the database is away.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((event, future))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())
        return await future

    async def subscribe(self, subscription_id: str, topics: Sequence[str], created_by: str) -> None:
        """Creates a subscription, or changes its topics."""
        await self._database.subscribe(subscription_id, topics, created_by)

    async def read(self, subscription_id: str) -> Sequence[StoredEvent] | Waiter:
        """Returns the next events of a subscription, or a waiter that ends when there may be some.

        Raises:
            NotFoundError: there is no such subscription.
            ServiceUnavailableError: this backend is shutting down.
        """
        if self._waiters.closed:
            raise ServiceUnavailableError("this backend is shutting down")
        await self._gather(subscription_id)
        # It waits from before the reading on, so that what is stored meanwhile is noticed.
        waiter = self._waiters.add()
        try:
            reading = await self._database.read(subscription_id)
        except BaseException:
            self._waiters.remove(waiter)
            raise
        if reading is not None and not reading.events:
            waiter.topics = frozenset(reading.topics)
            return waiter
        self._waiters.remove(waiter)
        if reading is None:
            raise NotFoundError(f"Subscription with ID '{subscription_id}' not found")
        if len(reading.events) < BATCH:
            self._gathering[subscription_id] = time.monotonic() + GATHERING_SECONDS
        return reading.events

    async def _gather(self, subscription_id: str) -> None:
        until = self._gathering.pop(subscription_id, 0.0)
        delay = until - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)

    async def _store(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
                await self._store_batch(batch)
        finally:
            self._storing = None

    async def _store_batch(self, batch: Sequence[tuple[NewEvent, asyncio.Future[bool]]]) -> None:
        try:
            stored = await self._database.publish([event for event, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where the events were published
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), was_stored in zip(batch, stored, strict=True):
            # Whoever published it may have gone.
            if not future.done():
                future.set_result(was_stored)
