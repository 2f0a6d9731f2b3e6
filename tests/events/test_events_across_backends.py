"""Events between backends: the service in several replicas, the plugin in several replicas, a database between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from tests.support.waiting import until

from understage.defaults.events import events_service_factory
from understage.events import events_plugin
from understage.plugin_api import (
    DatabaseService,
    Event,
    EventsService,
    PluginRegistrationPoints,
    core_services,
    create_backend_plugin,
)
from understage.testing import TestBackend, mock_services, start_test_backend

CONFIG = {"backend": {"baseUrl": "http://localhost"}, "events": {"useEventBus": "always", "notifyTimeoutMs": 2000}}


class Replica:
    """A backend with a plugin `shop` that subscribes."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.backend: TestBackend | None = None
        self.delay = 0.0

    async def hear(self, event: Event) -> None:
        await asyncio.sleep(self.delay)
        self.heard.append(event.payload)

    async def events(self) -> EventsService:
        assert self.backend is not None
        return await self.backend.service(core_services.events, "shop")


@asynccontextmanager
async def bus_backend(database: DatabaseService) -> AsyncIterator[TestBackend]:
    features = [
        events_plugin,
        mock_services.database.factory(database),
        mock_services.root_config.factory({**CONFIG, "events": {"notifyTimeoutMs": 2000}}),
    ]
    async with start_test_backend(features=features, listen=True) as backend:
        yield backend


@asynccontextmanager
async def replica(bus: str, replica: Replica, *topics: str) -> AsyncIterator[Replica]:
    @create_backend_plugin(plugin_id="shop")
    def shop_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init() -> None:
            return

    features = [
        shop_plugin,
        events_service_factory,
        mock_services.discovery.factory(bus),
        mock_services.root_config.factory(CONFIG),
    ]
    async with start_test_backend(features=features) as backend:
        replica.backend = backend
        events = await replica.events()
        if topics:
            await events.subscribe("stock", topics, replica.hear)
        try:
            yield replica
        finally:
            await events.stop()  # type: ignore[attr-defined]


async def settle(*replicas: Replica, count: int) -> None:
    await until(lambda: sum(len(each.heard) for each in replicas) >= count)


async def subscribed(database: DatabaseService, count: int = 1) -> None:
    async def are_known() -> bool:
        return len(await database.fetch("SELECT id FROM event_bus_subscriptions")) >= count

    await until(are_known)


async def test_one_replica_gets_each_event(database: DatabaseService) -> None:
    """S130, E3: of replicas that share a subscription, at two replicas of the bus, each event reaches exactly one."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(bus_backend(database))
        second = await stack.enter_async_context(bus_backend(database))
        shops = [
            await stack.enter_async_context(replica(url, Replica(), "sold"))
            for url in (first.url, second.url, first.url)
        ]
        publisher = await stack.enter_async_context(replica(second.url, Replica()))
        await subscribed(database)
        events = await publisher.events()
        for shop in shops:
            shop.delay = 0.002
        for number in range(90):
            await events.publish("sold", number)
        await settle(*shops, count=90)
        await asyncio.sleep(0.1)
        assert sorted(payload for shop in shops for payload in shop.heard) == list(range(90))
        assert publisher.heard == []


async def test_the_publisher_itself_counts(database: DatabaseService) -> None:
    """S130: when the publishing replica has the subscription too, it takes its own events, and no other replica."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(bus_backend(database))
        one = await stack.enter_async_context(replica(bus.url, Replica(), "sold"))
        two = await stack.enter_async_context(replica(bus.url, Replica(), "sold"))
        await subscribed(database)
        await (await one.events()).publish("sold", "mine")
        assert one.heard == ["mine"]
        await asyncio.sleep(0.1)
        assert two.heard == []


async def test_events_wait_for_their_subscriber(database: DatabaseService) -> None:
    """S130, E9: what is published while all replicas of a subscriber, and then the bus, are away arrives later."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(bus_backend(database))
        async with replica(bus.url, Replica(), "sold"):
            await subscribed(database)
        publisher = await stack.enter_async_context(replica(bus.url, Replica()))
        for number in range(12):
            await (await publisher.events()).publish("sold", number)
    async with bus_backend(database) as bus, replica(bus.url, Replica(), "sold") as back:
        await settle(back, count=12)
        assert back.heard == list(range(12))


async def test_a_bus_that_comes_back(database: DatabaseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """S130: readers outlive a bus that goes away and comes back at another address."""
    monkeypatch.setattr("understage.defaults.events.bus_subscription.FIRST_RETRY_SECONDS", 0.05)
    async with AsyncExitStack() as stack:
        discovery = mock_services.discovery("http://localhost:0")
        async with bus_backend(database) as bus:
            shop = await stack.enter_async_context(replica(bus.url, Replica(), "sold"))
            assert shop.backend is not None
            events: Any = await shop.events()
            events._client._discovery = discovery
            discovery._base_url = bus.url
            await subscribed(database)
        async with bus_backend(database) as again:
            discovery._base_url = again.url
            publisher = await stack.enter_async_context(replica(again.url, Replica()))
            await (await publisher.events()).publish("sold", 1)
            await settle(shop, count=1)
            assert shop.heard == [1]
