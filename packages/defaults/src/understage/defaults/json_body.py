"""JSON bodies of requests to routes that the framework adds to plugins."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from understage.errors import InputError, UnderstageError
from understage.plugin_api import Receive, Scope

MAX_BODY_BYTES = 1024 * 1024


class PayloadTooLargeError(UnderstageError):
    """The body of a request is larger than the route takes: 413."""

    name = "PayloadTooLargeError"
    status_code = 413


async def read_json_body(scope: Scope, receive: Receive, *, limit: int = MAX_BODY_BYTES) -> Any:
    """Returns the JSON body of a request; an absent body, or one of another type, reads as an empty object.

    Args:
        scope: the request.
        receive: where the body comes from.
        limit: how many bytes are taken.

    Raises:
        InputError: the body is no JSON object or list, or the client left before it was complete.
        PayloadTooLargeError: it is too large.
    """
    body = await _read(receive, limit)
    if not body or not _is_json(scope):
        return {}
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"The request body is not valid JSON: {error}") from error
    if not isinstance(data, dict | list):
        raise InputError("The request body is not valid JSON: expected an object or a list")
    return cast("Any", data)


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InputError("The request ended before its body did")
        body += message.get("body", b"")
        if len(body) > limit:
            raise PayloadTooLargeError(f"The request body is larger than {limit} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _is_json(scope: Scope) -> bool:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name == b"content-type":
            return value.partition(b";")[0].strip().lower() == b"application/json"
    return False
