"""Publishing events of one topic again under finer topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from understage.plugin_api import Event, EventsService

Destination = Callable[[Event], str | None]


class EventRouter:
    """Publishes events again under another topic.

    Args:
        router_id: names its subscription within the plugin.
        topics: which events to look at.
        destination: tells the new topic of an event, or None to leave it.
    """

    def __init__(self, router_id: str, topics: Sequence[str], destination: Destination) -> None:
        self._router_id = router_id
        self._topics = topics
        self._destination = destination

    async def start(self, events: EventsService) -> None:
        """Begins to listen.

        Args:
            events: the events service of the plugin.

        Raises:
            ConflictError: the plugin has a subscription with the router's id.
        """

        async def route(event: Event) -> None:
            topic = self._destination(event)
            if topic:
                await events.publish(topic, event.payload, metadata=event.metadata)

        await events.subscribe(self._router_id, self._topics, route)


class SubTopicEventRouter(EventRouter):
    """Sorts the events of a topic into `<topic>.<kind>`.

    Args:
        topic: the topic.
        kind: tells the kind of an event, or None to leave it.
    """

    def __init__(self, topic: str, kind: Destination) -> None:
        def destination(event: Event) -> str | None:
            found = kind(event)
            return f"{topic}.{found}" if found else None

        super().__init__(f"SubTopicEventRouter({topic})", [topic], destination)
