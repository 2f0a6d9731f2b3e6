"""The service for events of source hosts: one hub for all plugins of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from understage.catalog_api.scm_events import (
    CatalogScmEventsService,
    OnScmEvents,
    ScmEvent,
    ScmMoveEvent,
    catalog_scm_events_service_ref,
)
from understage.plugin_api import Logger, LoggerService, Metrics, MetricsService, create_service_factory


class ScmEventsHub:
    """Knows the subscribers of all plugins."""

    def __init__(self) -> None:
        self.subscriptions: list[_Subscription] = []


class _Subscription:
    def __init__(self, hub: ScmEventsHub, on_events: OnScmEvents) -> None:
        self._hub = hub
        self.on_events = on_events
        hub.subscriptions.append(self)

    def unsubscribe(self) -> None:
        if self in self._hub.subscriptions:
            self._hub.subscriptions.remove(self)


class DefaultCatalogScmEvents:
    """The service of one plugin; implements `CatalogScmEventsService`.

    Args:
        hub: where all plugins meet.
        logger: where failing subscribers are reported.
        metrics: counts what was done because of events.
    """

    def __init__(self, hub: ScmEventsHub, logger: LoggerService, metrics: MetricsService) -> None:
        self._hub = hub
        self._logger = logger
        self._actions = metrics.create_counter(
            "catalog.events.scm.actions", description="What was done because of events of source hosts, by action"
        )

    def subscribe(self, on_events: OnScmEvents) -> _Subscription:
        """Receives all events of this process from now on."""
        return _Subscription(self._hub, on_events)

    async def publish(self, events: Sequence[ScmEvent | ScmMoveEvent]) -> None:
        """Tells all subscribers; returns when they are done."""
        if events:
            await asyncio.gather(*[self._tell(one, events) for one in list(self._hub.subscriptions)])

    def mark_event_action_taken(self, action: str, count: int = 1) -> None:
        """Counts what was done because of events."""
        if count:
            self._actions.add(count, {"action": action})

    async def _tell(self, subscription: _Subscription, events: Sequence[ScmEvent | ScmMoveEvent]) -> None:
        try:
            await subscription.on_events(events)
        except Exception as error:  # noqa: BLE001 - subscribers must not harm each other, nor the publisher
            self._logger.error("A subscriber to events of source hosts has failed", error=error, count=len(events))


@create_service_factory(service=catalog_scm_events_service_ref, create_root_context=ScmEventsHub)
def catalog_scm_events_service_factory(
    logger: Logger, metrics: Metrics, root_context: ScmEventsHub
) -> CatalogScmEventsService:
    """Gives each plugin its view of the hub."""
    return DefaultCatalogScmEvents(root_context, logger, metrics)
