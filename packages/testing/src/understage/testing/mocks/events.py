"""A working events service for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understage.plugin_api import Event, OnEvent


class MockEvents:
    """Delivers events to the subscribers that this instance knows, and remembers them.

    What a subscriber raises, the publisher gets, so that no test overlooks it.

    Attributes:
        published: all events so far.
    """

    def __init__(self) -> None:
        self.published: list[Event] = []
        self._subscribers: list[tuple[frozenset[str], OnEvent]] = []

    async def publish(self, topic: str, payload: Any, *, metadata: Mapping[str, str] | None = None) -> None:
        """Delivers an event, to one subscriber after the other."""
        event = Event(topic, payload, metadata)
        self.published.append(event)
        for topics, on_event in list(self._subscribers):
            if topic in topics:
                await on_event(event)

    async def subscribe(self, subscription_id: str, topics: Sequence[str], on_event: OnEvent) -> None:
        """Receives the events of some topics; the id does not matter here."""
        self._subscribers.append((frozenset(topics), on_event))
