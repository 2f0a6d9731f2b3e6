import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from understage.events.bodies import MAX_BODY_BYTES

RECORDED = json.loads((Path(__file__).parent / "data" / "recordings.json").read_text())


async def test_answers_as_recorded(start_bus: Any) -> None:
    """E1, E2, E3, E4, E5, E6: every answer of a real events backend that was recorded is given byte for byte."""
    async with start_bus(http={"topics": ["github"]}, notify_timeout_ms=55_000, listen=True) as bus:
        for recorded in RECORDED:
            if recorded["name"] == "405-events-publish-subscribed":
                await bus.subscribe("sub1", "t1", "t2")
            if recorded["name"].startswith("408"):
                continue  # two requests at once: they are replayed by the test of the long poll
            content = recorded["request"] if isinstance(recorded["request"], str) else json.dumps(recorded["request"])
            answer = await bus.ask(
                recorded["method"],
                recorded["url"].removeprefix("/api/events"),
                who=recorded["token"] or "none",
                headers={"content-type": recorded["content_type"]} if recorded["content_type"] else {},
                content=None if recorded["request"] is None else content,
            )
            assert (answer.status_code, answer.text) == (recorded["status"], recorded["body"]), recorded["name"]
            for name in ("content-type", "content-length"):
                expected = recorded["headers"].get(name.title())
                if expected is not None or answer.status_code != 404:
                    assert answer.headers.get(name) == expected, (recorded["name"], name)


async def test_a_reader_waits_for_events(start_bus: Any) -> None:
    """E4: without events the headers come at once with status 202, and the empty body ends when an event arrives."""
    async with start_bus(notify_timeout_ms=55_000, listen=True) as bus:
        await bus.subscribe("sub1", "t2")
        async with bus.client.stream(
            "GET",
            "/api/events/bus/v1/subscriptions/sub1/events",
            headers={"authorization": "Bearer mock-service-token"},
        ) as answer:
            assert answer.status_code == 202
            assert answer.headers["backstage-events-notify-timeout"] == "55000"
            assert "content-type" not in answer.headers
            reading = asyncio.create_task(answer.aread())
            assert await bus.publish("other", 1) == 204
            assert not (await asyncio.wait([reading], timeout=0.1))[0]
            assert await bus.publish("t2", {"a": 3}) == 201
            assert await asyncio.wait_for(reading, 5) == b""
        assert await bus.read("sub1") == [{"a": 3}]


async def test_a_reader_waits_no_longer_than_configured(start_bus: Any) -> None:
    """E4: after `events.notifyTimeoutMs` the answer ends without an event."""
    async with start_bus(notify_timeout_ms=50) as bus:
        await bus.subscribe("sub1", "t")
        began = time.monotonic()
        assert await bus.read("sub1") == []
        assert 0.04 < time.monotonic() - began < 5


async def test_a_reader_who_leaves_is_forgotten(start_bus: Any) -> None:
    """E4: a reader whose connection closes takes no event along."""
    async with start_bus(notify_timeout_ms=55_000, listen=True) as bus:
        await bus.subscribe("sub1", "t")
        async with bus.client.stream(
            "GET",
            "/api/events/bus/v1/subscriptions/sub1/events",
            headers={"authorization": "Bearer mock-service-token"},
        ) as answer:
            assert answer.status_code == 202
        assert await bus.publish("t", 1) == 201
        assert await bus.read("sub1") == [1]


async def test_stopping_sends_readers_away(start_bus: Any) -> None:
    """E4: a backend that stops ends the answers of those who wait, instead of waiting for them."""
    began = time.monotonic()
    async with start_bus(notify_timeout_ms=55_000, listen=True) as bus:
        await bus.subscribe("sub1", "t")
        waiting = asyncio.create_task(bus.read("sub1"))
        await asyncio.sleep(0.2)
        await bus.backend.backend.stop()
        assert await asyncio.wait_for(waiting, 5) == []
    assert time.monotonic() - began < 10


async def test_hands_out_ten_events_at_once(start_bus: Any) -> None:
    """E3: events come in order, ten at a time, and only once."""
    async with start_bus() as bus:
        await bus.subscribe("a", "t", "u")
        for number in range(23):
            assert await bus.publish("u" if number % 2 else "t", number) == 201
        assert [await bus.read("a") for _ in range(4)] == [list(range(10)), list(range(10, 20)), [20, 21, 22], []]


async def test_every_subscription_gets_an_event(start_bus: Any) -> None:
    """E3: subscriptions read independently; one that was notified already, or came later, does not get the event."""
    async with start_bus() as bus:
        await bus.subscribe("a", "t")
        await bus.subscribe("b", "t")
        assert await bus.publish("t", 1, "a") == 201
        await bus.subscribe("late", "t")
        assert (await bus.read("a"), await bus.read("b"), await bus.read("late")) == ([], [1], [])


async def test_an_event_that_nobody_needs_is_not_stored(start_bus: Any) -> None:
    """E2: 204 when no subscription has the topic, or all that have it were notified already."""
    async with start_bus() as bus:
        assert await bus.publish("t", 1) == 204
        await bus.subscribe("a", "t")
        assert await bus.publish("t", 1, "a", "x") == 204
        assert await bus.publish("u", 1) == 204
        assert await bus.publish("t", 2, "x") == 201
        assert await bus.read("a") == [2]


async def test_topics_can_change(start_bus: Any) -> None:
    """E1: subscribing again changes the topics and keeps the place."""
    async with start_bus() as bus:
        await bus.subscribe("a", "t")
        await bus.publish("t", 1)
        await bus.subscribe("a", "u", "t")
        await bus.publish("u", 2)
        assert await bus.read("a") == [1, 2]


async def test_names_may_hold_anything(start_bus: Any) -> None:
    """E1: the ids of subscriptions are decoded."""
    async with start_bus() as bus:
        await bus.subscribe("catalog.%C3%BC%20x", "t")
        await bus.publish("t", "ü\u2028")
        assert await bus.read("catalog.%C3%BC%20x") == ["ü\u2028"]
        answer = await bus.ask("GET", "/bus/v1/subscriptions/a%00b/events")
        assert answer.json()["error"] == {
            "name": "InputError",
            "message": "the subscription's ID holds characters that cannot be stored",
        }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "request/body must be object"),
        ({"event": 1}, "request/body/event must be object"),
        ({"event": {"payload": 1}}, "request/body/event must have required property 'topic'"),
        ({"event": {"topic": 1, "payload": 1}}, "request/body/event/topic must be string"),
        ({"event": {"topic": "t"}}, "request/body/event must have required property 'payload'"),
        ({"event": {"topic": "t\0", "payload": 1}}, "request/body/event/topic holds characters that cannot be stored"),
        (
            {"event": {"topic": "t", "payload": 1}, "notifiedSubscribers": "a"},
            "request/body/notifiedSubscribers must be array",
        ),
        (
            {"event": {"topic": "t", "payload": 1}, "notifiedSubscribers": ["a", 1]},
            "request/body/notifiedSubscribers/1 must be string",
        ),
    ],
)
async def test_malformed_events(start_bus: Any, body: Any, message: str) -> None:
    """E2: what is wrong with a body is told by its place in it."""
    async with start_bus() as bus:
        answer = await bus.ask("POST", "/bus/v1/events", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"] == {"name": "InputError", "message": message}


async def test_bodies_that_are_no_json(start_bus: Any) -> None:
    """E2: broken JSON is a 400; a body of another content type counts as empty."""
    async with start_bus() as bus:
        for content in (b"{", b'{"event": {"topic": "\xff", "payload": 1}}', b'{"event": nope}'):
            answer = await bus.ask(
                "POST", "/bus/v1/events", content=content, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 400
            assert answer.json()["error"]["message"].startswith("The request body is not valid JSON")
        answer = await bus.ask("POST", "/bus/v1/events", content=b"{}", headers={"content-type": "text/plain"})
        assert answer.json()["error"]["message"] == "request/body must have required property 'event'"


async def test_bodies_over_five_megabytes(start_bus: Any) -> None:
    """E2, E5: a body over 5 MB is a 413, at the bus and at webhooks; one below is taken."""
    async with start_bus(http={"topics": ["hook"]}) as bus:
        await bus.subscribe("a", "t")
        for path in ("/bus/v1/events", "/http/hook"):
            answer = await bus.ask(
                "POST", path, content=b"x" * (MAX_BODY_BYTES + 1), headers={"content-type": "application/json"}
            )
            assert (answer.status_code, answer.json()["error"]["name"]) == (413, "PayloadTooLargeError")
        assert await bus.publish("t", "x" * (MAX_BODY_BYTES - 1000)) == 201


async def test_unknown_query_parameters(start_bus: Any) -> None:
    """E2: the bus knows no query parameters."""
    async with start_bus() as bus:
        answer = await bus.ask("GET", "/bus/v1/subscriptions/a/events?limit=3")
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Unknown query parameter 'limit'")


async def test_payloads_come_out_as_they_went_in(start_bus: Any) -> None:
    """E3: a payload is stored as its text, without spaces: numbers keep their digits, keys their order."""
    async with start_bus() as bus:
        await bus.subscribe("a", "t")
        payload = '{"z":1.10,"a":123456789012345678901234567890,"n":" "}'
        content = f'{{"event": {{"payload": {payload.replace(",", " , ")}, "topic": "t"}}}}'
        await bus.ask("POST", "/bus/v1/events", content=content, headers={"content-type": "application/json"})
        answer = await bus.ask("GET", "/bus/v1/subscriptions/a/events")
        assert answer.text == f'{{"events":[{{"topic":"t","payload":{payload}}}]}}'
