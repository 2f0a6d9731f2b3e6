"""A plugin's events service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from understage.defaults.events.bus import Bus
from understage.defaults.events.bus_client import BusClient, NoSuchBusError
from understage.defaults.events.bus_subscription import BusSubscription
from understage.defaults.events.local_bus import LocalBus, Subscriber
from understage.plugin_api import Event, LoggerService, OnEvent


class DefaultEvents:
    """Delivers events within the process, and through the bus where there is one.

    Args:
        plugin_id: the plugin; its subscriptions are named after it.
        local: delivers within the process.
        bus: what is known of the bus.
        client: makes the requests to it.
        logger: told of failures.
    """

    def __init__(self, plugin_id: str, *, local: LocalBus, bus: Bus, client: BusClient, logger: LoggerService) -> None:
        self._plugin_id = plugin_id
        self._local = local
        self._bus = bus
        self._client = client
        self._logger = logger
        self._subscriptions: list[BusSubscription] = []
        self._early: list[tuple[Event, list[str]]] = []
        self._sending_early: asyncio.Task[None] | None = None

    async def publish(self, topic: str, payload: Any, *, metadata: Mapping[str, str] | None = None) -> None:
        """Tells all subscribers of a topic; returns when those of this process have handled it.

        Events that are published while the backend starts reach the bus once it has started.

        Raises:
            InputError: the payload cannot be told as JSON.
            ResponseError: the events plugin refuses the event.
            ServiceUnavailableError: the events plugin does not answer.
        """
        event = Event(topic, payload, metadata)
        notified = await self._local.publish(event)
        if not self._bus.is_used:
            return
        if self._bus.started.is_set() and not self._early:
            await self._send(event, notified)
            return
        self._early.append((event, notified))
        if self._sending_early is None:
            self._sending_early = asyncio.create_task(self._send_early())

    async def subscribe(self, subscription_id: str, topics: Sequence[str], on_event: OnEvent) -> None:
        """Receives the events of some topics.

        Raises:
            ConflictError: the plugin has a subscription of this name already.
        """
        subscriber = Subscriber(f"{self._plugin_id}.{subscription_id}", on_event, self._logger)
        self._local.subscribe(subscriber, topics)
        if self._bus.is_used:
            self._subscriptions.append(BusSubscription(subscriber, topics, bus=self._bus, client=self._client))

    async def stop(self) -> None:
        """Receives no more events; returns when those that were read are handled."""
        if self._sending_early is not None:
            self._sending_early.cancel()
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions))

    async def _send(self, event: Event, notified: Sequence[str]) -> None:
        try:
            await self._client.publish(event, notified)
        except NoSuchBusError:
            if not self._bus.missing(self._logger):
                raise
        else:
            self._bus.answered()

    async def _send_early(self) -> None:
        await self._bus.started.wait()
        while self._early and self._bus.is_used:
            event, notified = self._early[0]
            try:
                await self._send(event, notified)
            except Exception as error:  # noqa: BLE001 - its publisher has gone on; the log is the only place left
                message = f"An event of the topic '{event.topic}' did not reach the events plugin"
                self._logger.error(message, error=error)
            del self._early[0]
        self._early.clear()
        self._sending_early = None
