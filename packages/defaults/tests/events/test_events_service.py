import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from understage.config import ConfigError
from understage.defaults.events import DefaultEvents, events_service_factory
from understage.defaults.events.factory import read_mode
from understage.errors import ConflictError, InputError, NotFoundError, ResponseError, ServiceUnavailableError
from understage.plugin_api import Event, EventsService, HttpResponse, core_services
from understage.testing import mock_services, start_test_backend
from understage.testing.mocks.http_client import HttpRequest, MockHttpClient

URL = "http://backend.test/api/events/bus/v1"
EMPTY_404 = HttpResponse(404, "Not Found", {}, b"")


class FakeBus:
    """The events plugin's HTTP interface, in memory."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.topics: dict[str, list[str]] = {}
        self.waiting: dict[str, list[dict[str, Any]]] = {}
        self.arrived = asyncio.Event()
        self.refusals: list[HttpResponse] = []
        self.tokens: list[str] = []
        self.client = MockHttpClient()
        self.client.request = self._request  # type: ignore[method-assign]

    def tell(self, subscription_id: str, topic: str, payload: Any) -> None:
        self.waiting.setdefault(subscription_id, []).append({"topic": topic, "payload": payload})
        self.arrived.set()

    async def _request(self, method: str, url: str, **rest: Any) -> HttpResponse:
        assert url.startswith(URL), url
        request = HttpRequest(method, url, rest["headers"], rest.get("body"))
        self.tokens.append(request.headers["authorization"])
        if self.refusals:
            return self.refusals.pop(0)
        if method == "POST":
            self.published.append(json.loads(request.body or b""))
            return HttpResponse(201, "Created", {}, b"")
        name = url.removeprefix(f"{URL}/subscriptions/").removesuffix("/events")
        if method == "PUT":
            self.topics[name] = json.loads(request.body or b"")["topics"]
            return HttpResponse(201, "Created", {}, b"")
        if name not in self.topics:
            return HttpResponse(404, "Not Found", {}, b'{"error":{"name":"NotFoundError","message":"unknown"}}')
        if not self.waiting.get(name):
            self.arrived.clear()
            await self.arrived.wait()
            return HttpResponse(202, "Accepted", {}, b"")
        events, self.waiting[name] = self.waiting[name][:10], self.waiting[name][10:]
        return HttpResponse(200, "OK", {}, json.dumps({"events": events}).encode())


@asynccontextmanager
async def running(
    bus: FakeBus | None, plugin_id: str = "test", mode: str = "auto"
) -> AsyncIterator[Callable[[str], Any]]:
    """Gives a function that returns the events service of a plugin."""
    client: Any = bus.client if bus else MockHttpClient({f"POST {URL}/events": EMPTY_404})
    features = [
        events_service_factory,
        mock_services.root_config.factory({"backend": {"baseUrl": "http://x"}, "events": {"useEventBus": mode}}),
        mock_services.root_http_client.mock(request=client.request),
    ]
    async with start_test_backend(features=features) as backend:
        services: list[DefaultEvents] = []

        async def get(plugin_id: str) -> EventsService:
            service = await backend.service(core_services.events, plugin_id)
            assert isinstance(service, DefaultEvents)
            services.append(service)
            return service

        yield get
        for service in services:
            await service.stop()


class Heard:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()

    async def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.events) < count:
                self._more.clear()
                await self._more.wait()


async def test_delivers_within_the_process() -> None:
    """S130: events reach the subscribers of their topic in all plugins of the process, metadata included."""
    async with running(None, mode="never") as events:
        one, two, other = Heard(), Heard(), Heard()
        publisher = await events("a")
        await publisher.subscribe("one", ["t", "u", "t"], one)
        await (await events("b")).subscribe("two", ["t"], two)
        await publisher.subscribe("other", ["x"], other)
        await publisher.publish("t", {"n": 1}, metadata={"x-github-event": "push"})
        assert one.events == two.events == [Event("t", {"n": 1}, {"x-github-event": "push"})]
        assert other.events == []


async def test_a_failing_subscriber_keeps_the_event_from_nobody() -> None:
    """S130: what a subscriber raises is logged, and neither other subscribers nor the publisher notice."""
    async with running(None, mode="never") as events:
        heard = Heard()

        async def fail(_event: Event) -> None:
            raise ValueError("broken")

        service = await events("a")
        await service.subscribe("broken", ["t"], fail)
        await service.subscribe("fine", ["t"], heard)
        await service.publish("t", 1)
        assert heard.events == [Event("t", 1)]


async def test_a_name_is_used_once() -> None:
    """S130: a second subscription of a plugin under the same name is refused: they would rob each other."""
    async with running(None, mode="never") as events:
        service = await events("a")
        await service.subscribe("one", ["t"], Heard())
        with pytest.raises(ConflictError, match=r"there is a subscription 'a\.one' already"):
            await service.subscribe("one", ["u"], Heard())
        await (await events("b")).subscribe("one", ["t"], Heard())


async def test_publishes_to_the_bus_with_those_who_heard() -> None:
    """S130: the bus gets topic, payload and the subscriptions that heard already, with one service token for all."""
    bus = FakeBus()
    async with running(bus) as events:
        service = await events("a")
        await service.subscribe("one", ["t"], Heard())
        await service.publish("t", {"n": 1}, metadata={"k": "v"})
        await service.publish("u", [])
        assert bus.published == [
            {"event": {"topic": "t", "payload": {"n": 1}}, "notifiedSubscribers": ["a.one"]},
            {"event": {"topic": "u", "payload": []}, "notifiedSubscribers": []},
        ]
        assert len(set(bus.tokens)) == 1
        assert bus.tokens[0].startswith("Bearer mock-service-token")


async def test_receives_from_the_bus() -> None:
    """S130: a subscription is created at the bus under the plugin's name, and read again and again, in order."""
    bus = FakeBus()
    async with running(bus) as events:
        heard = Heard()
        await (await events("a")).subscribe("one", ["t", "u"], heard)
        for number in range(25):
            bus.tell("a.one", "t", number)
        await heard.wait_for(25)
        bus.tell("a.one", "u", "last")
        await heard.wait_for(26)
        assert bus.topics == {"a.one": ["t", "u"]}
        assert heard.events == [*(Event("t", number) for number in range(25)), Event("u", "last")]


async def test_a_lost_subscription_is_created_again() -> None:
    """S130: a subscription that the bus has forgotten comes back by itself."""
    bus = FakeBus()
    async with running(bus) as events:
        heard = Heard()
        await (await events("a")).subscribe("one", ["t"], heard)
        bus.tell("a.one", "t", 1)
        await heard.wait_for(1)
        bus.topics.clear()
        bus.tell("a.one", "t", 2)
        await heard.wait_for(2)
        assert bus.topics == {"a.one": ["t"]}


async def test_auto_gives_up_without_a_bus() -> None:
    """S130: with `auto`, one 404 switches the bus off and events stay within the process."""
    async with running(None) as events:
        heard = Heard()
        service = await events("a")
        await service.publish("t", 0)
        await service.subscribe("one", ["t"], heard)
        await service.publish("t", 1)
        assert heard.events == [Event("t", 1)]
        assert not service._bus.is_used


async def test_auto_gives_up_behind_a_gateway() -> None:
    """S130: where a gateway answers for plugins that nobody has, its 508 means the same as a 404."""
    bus = FakeBus()
    bus.refusals.append(HttpResponse(508, "Loop Detected", {}, b"{}"))
    async with running(bus) as events:
        service = await events("a")
        await service.publish("t", 1)
        assert not service._bus.is_used


async def test_a_place_that_is_not_found_is_tried_again() -> None:
    """S130: when discovery finds no place for the events plugin, that is a failure, not the lack of a bus."""
    async with running(FakeBus()) as events:
        service = await events("a")

        async def find_nothing(_plugin_id: str) -> str:
            raise NotFoundError("No SRV records found for 'bus'")

        service._client._discovery = mock_services.discovery.mock(get_base_url=find_nothing)
        with pytest.raises(NotFoundError, match="No SRV records"):
            await service.publish("t", 1)
        assert service._bus.is_used


async def test_auto_keeps_a_bus_that_has_answered() -> None:
    """S130: with `auto`, a 404 after a good answer is a backend that restarts: publishing fails then, the bus stays."""
    bus = FakeBus()
    async with running(bus) as events:
        service = await events("a")
        await service.publish("t", 1)
        bus.refusals.append(EMPTY_404)
        with pytest.raises(Exception, match="answered 404"):
            await service.publish("t", 2)
        await service.publish("t", 3)
        assert [entry["event"]["payload"] for entry in bus.published] == [1, 3]


async def test_always_never_gives_up() -> None:
    """S130: with `always`, a 404 is an error of the publisher."""
    async with running(None, mode="always") as events:
        service = await events("a")
        with pytest.raises(Exception, match=r"POST .*/bus/v1/events answered 404"):
            await service.publish("t", 1)
        assert service._bus.is_used


async def test_never_asks_nobody() -> None:
    """S130: with `never`, no request is made."""
    bus = FakeBus()
    async with running(bus, mode="never") as events:
        await (await events("a")).publish("t", 1)
        assert bus.tokens == []


async def test_failures_of_the_bus_reach_the_publisher() -> None:
    """S130: what the bus refuses, and a bus that is away, are errors; local subscribers have the event all the same."""
    bus = FakeBus()
    async with running(bus) as events:
        service = await events("a")
        heard = Heard()
        service._local.subscribe(_subscriber(heard), ["t"])
        bus.refusals.append(HttpResponse(403, "Forbidden", {}, b'{"error":{"name":"NotAllowedError","message":"no"}}'))
        with pytest.raises(ResponseError, match="403 Forbidden"):
            await service.publish("t", 1)
        with pytest.raises(InputError, match="the payload of an event of the topic 't' is no JSON value"):
            await service.publish("t", object())
        assert len(heard.events) == 2


async def test_an_unreachable_bus_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """S130: a subscription outlives failures of the bus."""
    monkeypatch.setattr("understage.defaults.events.bus_subscription.FIRST_RETRY_SECONDS", 0.01)
    bus = FakeBus()
    bus.refusals += [HttpResponse(503, "", {}, b""), HttpResponse(500, "", {}, b""), HttpResponse(200, "", {}, b"no")]
    async with running(bus) as events:
        heard = Heard()
        await (await events("a")).subscribe("one", ["t"], heard)
        bus.tell("a.one", "t", 1)
        await heard.wait_for(1)


async def test_events_of_the_start_are_sent_after_it() -> None:
    """S130: what is published before the backend has started reaches the bus afterwards, in order."""
    bus = FakeBus()
    from understage.defaults.events.bus import Bus
    from understage.defaults.events.bus_client import BusClient
    from understage.defaults.events.local_bus import LocalBus

    lifecycle = mock_services.root_lifecycle()
    client = BusClient(
        mock_services.auth(),
        mock_services.discovery("http://backend.test"),
        bus.client,
        reading_client=bus.client,
        read_seconds=1,
    )
    service = DefaultEvents(
        "a", local=LocalBus(), bus=Bus("auto", lifecycle), client=client, logger=mock_services.logger()
    )
    bus.refusals = []
    for number in range(3):
        await service.publish("t", number)
    assert bus.published == []
    await lifecycle.startup()
    await service.publish("t", 3)
    sending = service._sending_early
    if sending is not None:
        await asyncio.wait_for(sending, 5)
    assert [entry["event"]["payload"] for entry in bus.published] == [0, 1, 2, 3]
    await service.stop()


async def test_stopping_lets_handlers_finish() -> None:
    """S130: an event that was read from the bus is handled to its end before the plugin has stopped."""
    bus = FakeBus()
    async with running(bus) as events:
        begun, finished = asyncio.Event(), False

        async def slow(_event: Event) -> None:
            nonlocal finished
            begun.set()
            await asyncio.sleep(0.05)
            finished = True

        service = await events("a")
        await service.subscribe("one", ["t"], slow)
        bus.tell("a.one", "t", 1)
        await begun.wait()
        await service.stop()
        assert finished


async def test_the_mode_is_checked() -> None:
    """S130: `events.useEventBus` is `auto`, `always` or `never`."""
    with pytest.raises(ConfigError, match="expected one of auto, always, never, got 'sometimes'"):
        read_mode(mock_services.root_config({"events": {"useEventBus": "sometimes"}}))
    assert read_mode(mock_services.root_config({})) == "auto"


async def test_a_bus_that_is_away() -> None:
    """S130: a bus that does not answer is an error of the publisher."""
    async with running(FakeBus()) as events:
        service = await events("a")
        service._client._http_client = MockHttpClient()
        with pytest.raises(ServiceUnavailableError):
            await service.publish("t", 1)


def _subscriber(heard: Heard) -> Any:
    from understage.defaults.events.local_bus import Subscriber

    return Subscriber("x", heard, mock_services.logger())
