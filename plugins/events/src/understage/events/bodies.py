"""Request bodies: read up to a limit, and checked as the bus's clients expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from understage.errors import InputError, UnderstageError

MAX_BODY_BYTES = 5 * 1024 * 1024

T = TypeVar("T")


class PayloadTooLargeError(UnderstageError):
    """The body is larger than the limit: 413."""

    name = "PayloadTooLargeError"
    status_code = 413


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A request to publish an event.

    Attributes:
        topic: its topic.
        payload: its payload as JSON text.
        notified: subscriptions that have it already.
    """

    topic: str
    payload: str
    notified: list[str]


async def read_body(request: Request) -> bytes:
    """Reads a body.

    Raises:
        PayloadTooLargeError: it is over 5 MB.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise PayloadTooLargeError("request entity too large")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_publish_request(request: Request) -> PublishRequest:
    """Reads a request to publish an event.

    Raises:
        InputError: it is not as expected.
        PayloadTooLargeError: it is over 5 MB.
    """
    body = await _read_object(request)
    event = _decoded(_required(body, "event", "request/body"), dict[str, msgspec.Raw], "request/body/event", "object")
    topic = _text(_required(event, "topic", "request/body/event"), "request/body/event/topic")
    payload = msgspec.json.format(bytes(_required(event, "payload", "request/body/event")), indent=-1)
    notified = _texts(body.get("notifiedSubscribers"), "request/body/notifiedSubscribers")
    return PublishRequest(topic, payload.decode(), notified)


async def read_topics(request: Request) -> list[str]:
    """Reads the topics of a subscription.

    Raises:
        InputError: the body is not as expected.
        PayloadTooLargeError: it is over 5 MB.
    """
    body = await _read_object(request)
    return _texts(_required(body, "topics", "request/body"), "request/body/topics")


def media_type(content_type: str) -> str:
    """Returns a content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


async def _read_object(request: Request) -> Mapping[str, msgspec.Raw]:
    data = await read_body(request)
    if not data or media_type(request.headers.get("content-type", "")) != "application/json":
        return {}
    try:
        msgspec.json.decode(data)
        data.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The request body is not valid JSON: {error}") from error
    return _decoded(data, dict[str, msgspec.Raw], "request/body", "object")


def _required(value: Mapping[str, msgspec.Raw], name: str, where: str) -> msgspec.Raw:
    if name not in value:
        raise InputError(f"{where} must have required property '{name}'")
    return value[name]


def _texts(value: msgspec.Raw | None, where: str) -> list[str]:
    if value is None:
        return []
    items = _decoded(value, list[msgspec.Raw], where, "array")
    return [_text(item, f"{where}/{index}") for index, item in enumerate(items)]


def _text(value: msgspec.Raw, where: str) -> str:
    text = _decoded(value, str, where, "string")
    check_storable(text, where)
    return text


def check_storable(text: str, where: str) -> None:
    """Checks that a database can hold a text.

    Args:
        text: the text.
        where: what it is, for the message.

    Raises:
        InputError: it holds a NUL character or half a character.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        if "\0" not in text:
            return
    raise InputError(f"{where} holds characters that cannot be stored")


def _decoded(value: Any, kind: type[T], where: str, expected: str) -> T:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError:
        raise InputError(f"{where} must be {expected}") from None
