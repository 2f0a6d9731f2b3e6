"""The HTTP interface of the events plugin, as its clients see it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from understage.errors import InputError, NotFoundError, ResponseError
from understage.plugin_api import AuthService, DiscoveryService, Event, HttpResponse, RootHttpClientService

_TOKEN_SECONDS = 120.0
# Nobody has the plugin: a gateway would send the request in circles.
_NOBODY = (404, 508)


class NoSuchBusError(NotFoundError):
    """Nobody answers for the bus, or it does not know the subscription."""


class _Received(msgspec.Struct):
    topic: str
    payload: Any = None


class _Batch(msgspec.Struct):
    events: list[_Received]


class BusClient:
    """Makes one plugin's requests to the bus.

    Args:
        auth: mints the plugin's tokens.
        discovery: finds the events plugin.
        http_client: publishes and subscribes.
        reading_client: waits for events.
        read_seconds: how long a request may wait for events.
    """

    def __init__(
        self,
        auth: AuthService,
        discovery: DiscoveryService,
        http_client: RootHttpClientService,
        *,
        reading_client: RootHttpClientService,
        read_seconds: float,
    ) -> None:
        self._auth = auth
        self._discovery = discovery
        self._http_client = http_client
        self._reading_client = reading_client
        self._read_seconds = read_seconds
        self._token: str | None = None
        self._token_until = 0.0

    async def publish(self, event: Event, notified: Sequence[str]) -> None:
        """Publishes an event.

        Args:
            event: the event; its metadata stay here.
            notified: subscriptions that have it already.

        Raises:
            InputError: the payload is no JSON value.
            NoSuchBusError: there is no bus.
            ResponseError: the bus refuses the event.
            ServiceUnavailableError: it does not answer.
        """
        try:
            body = msgspec.json.encode(
                {"event": {"topic": event.topic, "payload": event.payload}, "notifiedSubscribers": notified}
            )
        except TypeError as error:
            raise InputError(f"the payload of an event of the topic '{event.topic}' is no JSON value", error) from error
        _check("POST", *await self._request("POST", "/bus/v1/events", body))

    async def subscribe(self, subscription_id: str, topics: Sequence[str]) -> None:
        """Creates a subscription, or changes its topics.

        Raises:
            NoSuchBusError: there is no bus.
            ResponseError: the bus refuses it.
            ServiceUnavailableError: it does not answer.
        """
        path = f"/bus/v1/subscriptions/{quote(subscription_id, safe='')}"
        _check("PUT", *await self._request("PUT", path, msgspec.json.encode({"topics": topics})))

    async def read(self, subscription_id: str) -> list[Event]:
        """Waits for events, and returns some or, after a while, none. Whoever gets them has them alone.

        Raises:
            NoSuchBusError: there is no such subscription, or no bus.
            ResponseError: the bus refuses to tell.
            ServiceUnavailableError: it does not answer.
        """
        path = f"/bus/v1/subscriptions/{quote(subscription_id, safe='')}/events"
        url, response = await self._request("GET", path)
        _check("GET", url, response)
        if response.status != 200:
            return []
        batch = msgspec.json.decode(response.body, type=_Batch)
        return [Event(received.topic, received.payload) for received in batch.events]

    async def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[str, HttpResponse]:
        url = f"{await self._discovery.get_base_url('events')}{path}"
        headers = {"authorization": f"Bearer {await self._fresh_token()}"}
        if body is None:
            return url, await self._reading_client.request(
                method, url, headers=headers, timeout_seconds=self._read_seconds
            )
        headers["content-type"] = "application/json"
        return url, await self._http_client.request(method, url, headers=headers, body=body)

    async def _fresh_token(self) -> str:
        # One token for many requests: the other side remembers it and need not verify each.
        if self._token is None or time.monotonic() > self._token_until:
            own = await self._auth.get_own_service_credentials()
            self._token = await self._auth.get_plugin_request_token(on_behalf_of=own, target_plugin_id="events")
            self._token_until = time.monotonic() + _TOKEN_SECONDS
        return self._token


def _check(method: str, url: str, response: HttpResponse) -> None:
    if response.status in _NOBODY:
        raise NoSuchBusError(f"{method} {url} answered {response.status}")
    if not 200 <= response.status < 300:
        raise ResponseError.from_body(method, url, response.status, response.reason, response.body)
