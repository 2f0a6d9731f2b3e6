"""The HTTP routes of the events plugin: webhooks for everybody, the bus for services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from understage.errors import InputError
from understage.events.bodies import check_storable, read_publish_request, read_topics
from understage.events.database import NewEvent
from understage.events.ingress import Ingress
from understage.events.openapi import openapi_document
from understage.events.service import EventBus
from understage.events.waiting import Waiter
from understage.plugin_api import EventsService, HttpAuthService

NOTIFY_TIMEOUT_HEADER = "backstage-events-notify-timeout"


def create_router(
    *, bus: EventBus, events: EventsService, http_auth: HttpAuthService, ingress: Ingress, notify_timeout_ms: float
) -> Starlette:
    """Returns the plugin's ASGI app.

    Args:
        bus: the bus.
        events: publishes what webhooks receive.
        http_auth: tells who uses the bus.
        ingress: the webhooks.
        notify_timeout_ms: how long a reader waits for events, in milliseconds.
    """

    async def webhook(request: Request) -> Response:
        topic = request.path_params["topic"]
        if topic not in ingress:
            return Response(status_code=404)
        rejection = await ingress.receive(topic, request, events)
        if rejection is not None:
            return _json(rejection.payload, rejection.status)
        return _json({"status": "accepted"}, 202)

    async def publish(request: Request) -> Response:
        subject = await _service(request, http_auth)
        asked = await read_publish_request(request)
        stored = await bus.publish(NewEvent(asked.topic, asked.payload, asked.notified, subject))
        return _empty(201 if stored else 204)

    async def subscribe(request: Request) -> Response:
        subject = await _service(request, http_auth)
        await bus.subscribe(_subscription_id(request), await read_topics(request), subject)
        return _empty(201)

    async def read(request: Request) -> Response:
        await _service(request, http_auth)
        found = await bus.read(_subscription_id(request))
        if isinstance(found, Waiter):
            headers = {NOTIFY_TIMEOUT_HEADER: f"{notify_timeout_ms:g}"}
            return StreamingResponse(_waiting(found, notify_timeout_ms / 1000), 202, headers)
        return _json({"events": [{"topic": event.topic, "payload": _raw(event.payload)} for event in found]})

    async def openapi(_request: Request) -> Response:
        return _json(openapi_document())

    app = Starlette(
        routes=[
            Route("/openapi.json", openapi, methods=["GET"]),
            Route("/http/{topic}", webhook, methods=["POST"]),
            Route("/bus/v1/events", publish, methods=["POST"]),
            Route("/bus/v1/subscriptions/{id}", subscribe, methods=["PUT"]),
            Route("/bus/v1/subscriptions/{id}/events", read, methods=["GET"]),
        ]
    )
    app.router.redirect_slashes = False
    return app


async def _waiting(waiter: Waiter, seconds: float) -> AsyncIterator[bytes]:
    # The headers are out; the end of the empty body is the notification.
    await waiter.wait(seconds)
    return
    yield b""


async def _service(request: Request, http_auth: HttpAuthService) -> str:
    credentials = await http_auth.credentials(request, allow=["service"])
    for name in request.query_params:
        raise InputError(f"Unknown query parameter '{name}'")
    return credentials.principal.subject


def _subscription_id(request: Request) -> str:
    subscription_id: str = request.path_params["id"]
    check_storable(subscription_id, "the subscription's ID")
    return subscription_id


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json; charset=utf-8")


class _EmptyResponse(Response):
    """An answer without body, type and length, as the bus's clients get it from a Node backend."""

    def init_headers(self, headers: object = None) -> None:
        self.raw_headers = []


def _empty(status: int) -> Response:
    return _EmptyResponse(status_code=status)
