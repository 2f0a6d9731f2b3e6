"""The events service: what happens in one plugin, told to others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        topic: what it is about, such as `github.push`.
        payload: what is told about it; JSON values only, since it may travel to other processes.
        metadata: where it came from, such as the headers of a webhook. Subscribers in the publisher's process see it;
            on the way to other processes it is left behind.
    """

    topic: str
    payload: Any
    metadata: Mapping[str, str] | None = None


OnEvent = Callable[[Event], Awaitable[None]]


class EventsService(Protocol):
    """Publishes events and receives them.

    Within a process events are delivered at once. Where the `events` plugin is reachable, they also go to the other
    processes of the installation: of all replicas that share a subscription, exactly one receives an event.
    """

    async def publish(self, topic: str, payload: Any, *, metadata: Mapping[str, str] | None = None) -> None:
        """Tells all subscribers of a topic; returns when those of this process have handled it.

        A subscriber that fails is logged and keeps nobody else from the event.

        Args:
            topic: what the event is about.
            payload: JSON values.
            metadata: where it came from.

        Raises:
            InputError: the payload cannot be told as JSON.
            ResponseError: the events plugin refuses the event; the subscribers of this process have it.
            ServiceUnavailableError: the events plugin does not answer; the subscribers of this process have the event.
        """
        ...

    async def subscribe(self, subscription_id: str, topics: Sequence[str], on_event: OnEvent) -> None:
        """Receives the events of some topics.

        Args:
            subscription_id: names the subscription within the plugin; replicas use the same one, so that each event
                reaches one of them only.
            topics: what to hear of.
            on_event: called with one event at a time; what it raises is logged.

        Raises:
            ConflictError: the plugin has a subscription of this name already.
        """
        ...
