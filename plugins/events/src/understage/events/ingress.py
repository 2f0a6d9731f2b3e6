"""Webhooks: requests that become events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from understage.errors import ConflictError, UnderstageError
from understage.events.bodies import json_value, media_type, parse, read_body
from understage.events_api import HttpBodyParser, RequestDetails, RequestValidator
from understage.plugin_api import EventsService

_JSON = "application/json"


class UnsupportedMediaTypeError(UnderstageError):
    """Nobody can read bodies of this content type: 415."""

    name = "UnsupportedMediaTypeError"
    status_code = 415
    fields: Mapping[str, object] = {"statusCode": 415}


@dataclass(slots=True)
class Rejection:
    """Why a request is refused.

    Attributes:
        status: the HTTP status of the answer.
        payload: its JSON body.
    """

    status: int
    payload: Any


class _Context:
    def __init__(self) -> None:
        self.rejection: Rejection | None = None

    def reject(self, *, status: int = 403, payload: Any = None) -> None:
        if self.rejection is None:
            self.rejection = Rejection(status, {} if payload is None else payload)


class Ingress:
    """The webhooks of the plugin, and what modules add to them."""

    def __init__(self) -> None:
        self._topics: dict[str, RequestValidator | None] = {}
        self._parsers: dict[str, HttpBodyParser] = {}

    def add_http_post_ingress(self, topic: str, *, validator: RequestValidator | None = None) -> None:
        """Opens a webhook.

        Raises:
            ConflictError: it has a validator already.
        """
        if validator is not None and self._topics.get(topic) is not None:
            raise ConflictError(f"the webhook of the topic '{topic}' has a validator already; one of the two must go")
        self._topics[topic] = validator or self._topics.get(topic)

    def add_http_post_body_parser(self, content_type: str, parser: HttpBodyParser) -> None:
        """Accepts a content type.

        Raises:
            ConflictError: there is a parser for it.
        """
        name = media_type(content_type)
        if name in self._parsers:
            raise ConflictError(f"there is a body parser for '{name}' already; one of the two must go")
        self._parsers[name] = parser

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    async def receive(self, topic: str, request: Request, events: EventsService) -> Rejection | None:
        """Publishes a request as an event, unless its validator refuses it.

        Args:
            topic: one that is in here.
            request: the request.
            events: publishes it.

        Raises:
            InputError: the body cannot be read.
            PayloadTooLargeError: it is over 5 MB.
            UnsupportedMediaTypeError: nobody can read its content type.
        """
        content_type = request.headers.get("content-type", "")
        parser = self._parser(media_type(content_type))
        raw = await read_body(request)
        details = RequestDetails(await parser(raw, content_type), _headers(request), raw)
        validator = self._topics[topic]
        if validator is not None:
            context = _Context()
            await validator(details, context)
            if context.rejection is not None:
                return context.rejection
        await events.publish(topic, details.body, metadata=details.headers)
        return None

    def _parser(self, name: str) -> HttpBodyParser:
        parser = self._parsers.get(name)
        if parser is None and name == _JSON:
            return _parse_json
        if parser is None:
            raise UnsupportedMediaTypeError(
                f"Unsupported media type: {name or 'none'}. You need to provide a custom body parser for this"
                " media type using the EventsExtensionPoint."
            )
        return parser


async def _parse_json(body: bytes, _content_type: str) -> Any:
    return await parse(json_value, body)


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
