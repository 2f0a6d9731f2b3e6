"""Requests to the events plugin."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from understage.events import events_plugin
from understage.testing import TestBackend, mock_credentials, mock_services, start_test_backend

HEADERS = {"service": mock_credentials.service.header(), "user": mock_credentials.user.header()}
HEADERS["none"] = mock_credentials.none.header()

Start = Callable[..., AbstractAsyncContextManager["Bus"]]


class Bus:
    """The events plugin as a service sees it."""

    def __init__(self, backend: TestBackend) -> None:
        self.backend = backend
        self.client = backend.client

    async def ask(self, method: str, path: str, *, who: str = "service", **rest: Any) -> Any:
        headers = {**HEADERS[who], **rest.pop("headers", {})}
        return await self.client.request(method, f"/api/events{path}", headers=headers, **rest)

    async def subscribe(self, name: str, *topics: str) -> None:
        answer = await self.ask("PUT", f"/bus/v1/subscriptions/{name}", json={"topics": topics})
        assert (answer.status_code, answer.content) == (201, b"")

    async def publish(self, topic: str, payload: Any, *notified: str) -> int:
        body = {"event": {"topic": topic, "payload": payload}, "notifiedSubscribers": notified}
        status: int = (await self.ask("POST", "/bus/v1/events", json=body)).status_code
        return status

    async def read(self, name: str) -> list[Any]:
        """Returns the payloads that are there; none if there are no events."""
        answer = await self.ask("GET", f"/bus/v1/subscriptions/{name}/events")
        if answer.status_code == 202:
            return []
        assert answer.status_code == 200, answer.text
        return [event["payload"] for event in answer.json()["events"]]


@pytest.fixture
def start_bus() -> Start:
    """Gives a function that starts a backend with the events plugin."""

    @asynccontextmanager
    async def start(
        *features: Any, notify_timeout_ms: float = 40, listen: bool = False, **events: Any
    ) -> AsyncIterator[Bus]:
        config = {
            "backend": {"baseUrl": "http://localhost:7007"},
            "events": {"notifyTimeoutMs": notify_timeout_ms, **events},
        }
        all_features = [events_plugin, mock_services.root_config.factory(config), *features]
        async with start_test_backend(features=all_features, listen=listen) as backend:
            yield Bus(backend)

    return start
