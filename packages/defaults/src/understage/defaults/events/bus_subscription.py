"""A subscription at the bus: asks for events for as long as the process runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from understage.defaults.events.bus import Bus
from understage.defaults.events.bus_client import BusClient, NoSuchBusError
from understage.defaults.events.local_bus import Subscriber

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 30.0


class BusSubscription:
    """Reads events from the bus and hands them to a subscriber, in order.

    Args:
        subscriber: who hears.
        topics: of what.
        bus: what is known of the bus.
        client: makes the requests.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        topics: Sequence[str],
        *,
        bus: Bus,
        client: BusClient,
    ) -> None:
        self._subscriber = subscriber
        self._topics = list(topics)
        self._bus = bus
        self._client = client
        self._retry = FIRST_RETRY_SECONDS
        self._subscribed = False
        self._delivering = False
        self._stopping = False
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Asks for no more events; returns when those that were read are handled."""
        self._stopping = True
        if not self._delivering:
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        await self._bus.started.wait()
        while self._bus.is_used and not self._stopping:
            try:
                await self._step()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the bus, it may be right next time
                await self._pause(error)
            else:
                self._retry = FIRST_RETRY_SECONDS

    async def _step(self) -> None:
        if not self._subscribed:
            try:
                await self._client.subscribe(self._subscriber.id, self._topics)
            except NoSuchBusError:
                if self._bus.missing(self._subscriber.logger):
                    return
                raise
            self._subscribed = True
            self._bus.answered()
        try:
            events = await self._client.read(self._subscriber.id)
        except NoSuchBusError:
            # Subscriptions that nobody used for long are dropped; the next step creates it again.
            self._subscribed = False
            return
        self._delivering = True
        for event in events:
            await self._subscriber.receive(event)
        self._delivering = False

    async def _pause(self, error: Exception) -> None:
        message = f"The subscription '{self._subscriber.id}' cannot be read; next try in {self._retry:g} s"
        self._subscriber.logger.warning(message, error=error)
        # Spread, so that the replicas do not all come at once when the bus is back.
        await asyncio.sleep(self._retry * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._retry = min(self._retry * 2, LAST_RETRY_SECONDS)
