"""Readers that wait for events."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

from understage.events.database import EventsDatabase, read_topics
from understage.plugin_api import LoggerService


class Waiter:
    """Somebody who waits for events.

    Attributes:
        topics: of which topics; None for any.
    """

    def __init__(self, waiters: Waiters) -> None:
        self.topics: Collection[str] | None = None
        self._waiters = waiters
        self._woken = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Returns when there may be events, when the time is over, or when the backend shuts down.

        Args:
            seconds: how long to wait at most.
        """
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)
        finally:
            self._waiters.remove(self)

    def wake(self, topics: Collection[str] | None) -> None:
        """Ends the waiting, if it is for one of some topics.

        Args:
            topics: of the events; None for any.
        """
        if topics is None or self.topics is None or not set(self.topics).isdisjoint(topics):
            self._woken.set()


class Waiters:
    """All who wait in this process; woken by what any replica stores.

    Attributes:
        closed: whether nobody may wait any more.
    """

    def __init__(self) -> None:
        self.closed = False
        self._waiting: set[Waiter] = set()
        self._listening: asyncio.Task[None] | None = None

    def add(self) -> Waiter:
        """Returns a new waiter."""
        waiter = Waiter(self)
        self._waiting.add(waiter)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Forgets a waiter."""
        self._waiting.discard(waiter)

    def wake(self, topics: Collection[str] | None) -> None:
        """Wakes those who wait for one of some topics; None wakes all."""
        for waiter in self._waiting:
            waiter.wake(topics)

    async def start(self, database: EventsDatabase, logger: LoggerService) -> None:
        """Begins to listen to what is stored.

        Args:
            database: the tables.
            logger: told if listening fails.
        """
        ready = asyncio.Event()
        listening = self._listening = asyncio.create_task(self._listen(database, ready, logger))
        entered = asyncio.create_task(ready.wait())
        await asyncio.wait([listening, entered], return_when=asyncio.FIRST_COMPLETED)
        entered.cancel()
        if listening.done():
            await listening

    async def stop(self) -> None:
        """Sends all who wait away, and stops listening."""
        self.closed = True
        self.wake(None)
        if self._listening is not None:
            self._listening.cancel()
            # If it had failed, readers have asked again on their own meanwhile.
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self, database: EventsDatabase, ready: asyncio.Event, logger: LoggerService) -> None:
        async with database.listen() as notifications:
            ready.set()
            async for payload in notifications:
                try:
                    topics = read_topics(payload)
                except ValueError as error:
                    logger.warning("A notification about events is not understood", error=error)
                    topics = None
                self.wake(topics)
