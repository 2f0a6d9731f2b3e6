import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl

import pytest

from understage.errors import ConflictError
from understage.events.ingress import Ingress
from understage.events_api import (
    EventsEndpoints,
    RequestDetails,
    RequestValidationContext,
    SubTopicEventRouter,
)
from understage.plugin_api import Events, ModuleRegistrationPoints, create_backend_module
from understage.testing import mock_services
from understage.testing.mocks.events import MockEvents

SECRET = b"secret"


async def check_signature(request: RequestDetails, context: RequestValidationContext) -> None:
    expected = hmac.new(SECRET, request.raw, hashlib.sha256).hexdigest()
    if request.headers.get("x-signature") == "teapot":
        context.reject(status=418, payload={"message": "teapot"})
    if request.headers.get("x-signature") != expected:
        context.reject()


async def parse_form(body: bytes, content_type: str) -> Any:
    return {"form": dict(parse_qsl(body.decode())), "type": content_type}


@create_backend_module(plugin_id="events", module_id="acme")
def acme_module(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init(endpoints: EventsEndpoints, events: Events) -> None:
        endpoints.add_http_post_ingress("acme", validator=check_signature)
        endpoints.add_http_post_body_parser("application/x-www-form-urlencoded", parse_form)
        router = SubTopicEventRouter("open", lambda event: (event.metadata or {}).get("x-kind"))
        await router.start(events)


@pytest.fixture
def published() -> MockEvents:
    return mock_services.events()


@pytest.fixture
def features(published: MockEvents) -> list[Any]:
    return [acme_module, mock_services.events.factory(published)]


async def test_a_webhook_becomes_an_event(start_bus: Any, published: MockEvents, features: list[Any]) -> None:
    """E5: a webhook of `events.http.topics` needs no credentials, and publishes body and headers under its topic."""
    async with start_bus(*features, http={"topics": ["open"]}) as bus:
        answer = await bus.ask("POST", "/http/open", who="none", json={"a": [1]}, headers={"X-GitHub-Event": "push"})
        assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
        event = published.published[0]
        assert (event.topic, event.payload) == ("open", {"a": [1]})
        assert event.metadata is not None
        assert event.metadata["x-github-event"] == "push"


async def test_a_validator_refuses(start_bus: Any, published: MockEvents, features: list[Any]) -> None:
    """E6: a validator sees the raw body, and refuses with 403 and an empty object unless it says otherwise."""
    async with start_bus(*features, http={"topics": ["acme"]}) as bus:
        answer = await bus.ask("POST", "/http/acme", who="none", json={"a": 1}, headers={"x-signature": "wrong"})
        assert (answer.status_code, answer.json()) == (403, {})
        answer = await bus.ask("POST", "/http/acme", who="none", json={"a": 1}, headers={"x-signature": "teapot"})
        assert (answer.status_code, answer.json()) == (418, {"message": "teapot"})
        assert published.published == []
        body = b'{"a":  1}'
        signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        headers = {"x-signature": signature, "content-type": "application/json; charset=utf-8"}
        answer = await bus.ask("POST", "/http/acme", who="none", content=body, headers=headers)
        assert (answer.status_code, published.published[0].payload) == (202, {"a": 1})


async def test_other_content_types(start_bus: Any, published: MockEvents, features: list[Any]) -> None:
    """E7: a content type besides JSON needs a parser, else it is a 415; a broken body is a 400."""
    async with start_bus(*features, http={"topics": ["open"]}) as bus:
        answer = await bus.ask("POST", "/http/open", who="none", data={"a": "b"})
        assert answer.status_code == 202
        assert published.published[0].payload == {"form": {"a": "b"}, "type": "application/x-www-form-urlencoded"}
        answer = await bus.ask("POST", "/http/open", who="none", content=b"<a/>", headers={"content-type": "text/xml"})
        assert answer.status_code == 415
        assert answer.json()["error"]["message"].startswith("Unsupported media type: text/xml. ")
        answer = await bus.ask("POST", "/http/open", who="none", content=b"{")
        assert answer.status_code == 415
        headers = {"content-type": "application/json"}
        answer = await bus.ask("POST", "/http/open", who="none", content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["error"]["name"]) == (400, "InputError")


async def test_unknown_webhooks(start_bus: Any) -> None:
    """E5: an unknown topic, another method, and the bare path are an empty 404, with or without credentials."""
    async with start_bus(http={"topics": ["open"]}) as bus:
        for method, path in (("POST", "/http/nope"), ("GET", "/http/open"), ("POST", "/http"), ("PUT", "/http/open")):
            answer = await bus.ask(method, path, who="none")
            assert (answer.status_code, answer.content) == (404, b""), (method, path)


async def test_topics_are_sorted_by_kind(start_bus: Any, published: MockEvents, features: list[Any]) -> None:
    """E8: a router publishes the events of a topic again under finer ones, metadata included; some it leaves."""
    async with start_bus(*features, http={"topics": ["open"]}) as bus:
        await bus.ask("POST", "/http/open", who="none", json=1, headers={"x-kind": "push"})
        await bus.ask("POST", "/http/open", who="none", json=2)
        assert [(event.topic, event.payload) for event in published.published] == [
            ("open", 1),
            ("open.push", 1),
            ("open", 2),
        ]
        assert published.published[1].metadata == published.published[0].metadata


async def test_one_validator_for_a_webhook() -> None:
    """E6, E7: a second validator of a topic and a second parser of a content type are conflicts that name it."""
    ingress = Ingress()
    ingress.add_http_post_ingress("a", validator=check_signature)
    ingress.add_http_post_ingress("a")
    with pytest.raises(ConflictError, match="the webhook of the topic 'a' has a validator already"):
        ingress.add_http_post_ingress("a", validator=check_signature)
    ingress.add_http_post_body_parser("text/XML; charset=utf-8", parse_form)
    with pytest.raises(ConflictError, match="there is a body parser for 'text/xml' already"):
        ingress.add_http_post_body_parser("text/xml", parse_form)
