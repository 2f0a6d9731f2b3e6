"""Request bodies: read up to a limit, and checked as the bus's clients expect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from understage.errors import InputError, UnderstageError

MAX_BODY_BYTES = 5 * 1024 * 1024
_IN_THREAD = 256 * 1024

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
    return await parse(_publish_request, await _read_json(request))


async def read_topics(request: Request) -> list[str]:
    """Reads the topics of a subscription.

    Raises:
        InputError: the body is not as expected.
        PayloadTooLargeError: it is over 5 MB.
    """
    return await parse(_topics, await _read_json(request))


async def parse(read: Callable[[bytes], T], data: bytes) -> T:
    """Returns what a function reads from a body; large ones are read in a thread, so that nobody else waits.

    Args:
        read: the function.
        data: the body.
    """
    return read(data) if len(data) < _IN_THREAD else await asyncio.to_thread(read, data)


def json_value(data: bytes) -> Any:
    """Returns the value of a JSON text.

    Raises:
        InputError: it is no JSON.
    """
    try:
        data.decode()
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The request body is not valid JSON: {error}") from error


def media_type(content_type: str) -> str:
    """Returns a content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


async def _read_json(request: Request) -> bytes:
    """Returns the body; that of another content type counts as empty."""
    data = await read_body(request)
    return data if media_type(request.headers.get("content-type", "")) == "application/json" else b""


def _publish_request(data: bytes) -> PublishRequest:
    body = _object(data)
    event = _decoded(_required(body, "event", "request/body"), dict[str, msgspec.Raw], "request/body/event", "object")
    topic = _text(_required(event, "topic", "request/body/event"), "request/body/event/topic")
    payload = msgspec.json.format(bytes(_required(event, "payload", "request/body/event")), indent=-1)
    notified = _texts(body.get("notifiedSubscribers"), "request/body/notifiedSubscribers")
    return PublishRequest(topic, payload.decode(), notified)


def _topics(data: bytes) -> list[str]:
    return _texts(_required(_object(data), "topics", "request/body"), "request/body/topics")


def _object(data: bytes) -> Mapping[str, msgspec.Raw]:
    if not data:
        return {}
    json_value(data)
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
