"""Publishes events beside the work, so that a slow bus holds nobody up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from understage.plugin_api import EventsService, LoggerService

MAX_WAITING = 10_000
PAUSE_AFTER_FAILURE_SECONDS = 5.0


class Announcer:
    """Publishes events in the order in which they are told. If too many wait, the oldest are dropped.

    Args:
        events: where they are published; None for nowhere.
        logger: where it is reported if they cannot be.
    """

    def __init__(self, events: EventsService | None, logger: LoggerService) -> None:
        self._events = events
        self._logger = logger
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=MAX_WAITING)
        self._has_more = asyncio.Event()

    def tell(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Has an event published soon.

        Args:
            topic: what it is about.
            payload: JSON values.
        """
        if self._events is not None:
            self._waiting.append((topic, payload))
            self._has_more.set()

    async def run(self) -> None:
        """Publishes until it is cancelled."""
        while True:
            await self._has_more.wait()
            await self.publish_waiting()

    async def publish_waiting(self) -> None:
        """Publishes what waits now."""
        self._has_more.clear()
        while self._waiting and self._events is not None:
            topic, payload = self._waiting.popleft()
            try:
                await self._events.publish(topic, payload)
            except Exception as error:  # noqa: BLE001 - whoever listens must not keep the others from hearing
                self._logger.warning("An event could not be published", error=error, topic=topic)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
