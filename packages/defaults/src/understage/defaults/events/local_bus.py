"""Events within the process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from understage.errors import ConflictError
from understage.plugin_api import Event, LoggerService, OnEvent


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who hears of events.

    Attributes:
        id: the subscription's name in the whole installation.
        on_event: takes the events.
        logger: told when that fails.
    """

    id: str
    on_event: OnEvent
    logger: LoggerService

    async def receive(self, event: Event) -> None:
        """Hands over an event; what the subscriber raises is logged."""
        try:
            await self.on_event(event)
        except Exception as error:  # noqa: BLE001 - one subscriber must not keep the event from others
            message = f"The subscriber '{self.id}' failed to handle an event of the topic '{event.topic}'"
            self.logger.warning(message, error=error)


class LocalBus:
    """Delivers events to the subscribers of this process."""

    def __init__(self) -> None:
        self._by_topic: dict[str, list[Subscriber]] = {}
        self._ids: set[str] = set()

    def subscribe(self, subscriber: Subscriber, topics: Sequence[str]) -> None:
        """Adds a subscriber.

        Args:
            subscriber: who hears.
            topics: of what.

        Raises:
            ConflictError: there is a subscriber of this id already.
        """
        if subscriber.id in self._ids:
            raise ConflictError(
                f"there is a subscription '{subscriber.id}' already; name each subscription of a plugin differently"
            )
        self._ids.add(subscriber.id)
        for topic in dict.fromkeys(topics):
            self._by_topic.setdefault(topic, []).append(subscriber)

    async def publish(self, event: Event) -> list[str]:
        """Delivers an event to all subscribers of its topic at once, waits for them and returns their ids."""
        subscribers = self._by_topic.get(event.topic, ())
        await asyncio.gather(*(subscriber.receive(event) for subscriber in subscribers))
        return [subscriber.id for subscriber in subscribers]
