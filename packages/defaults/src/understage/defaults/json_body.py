"""JSON bodies of requests to routes that the framework adds to plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from understage.errors import InputError, UnderstageError

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY_BYTES = 5 * 1024 * 1024


class PayloadTooLargeError(UnderstageError):
    """The body of a request is larger than the route takes: 413."""

    name = "PayloadTooLargeError"
    status_code = 413


async def read_json_body(request: Request, *, limit: int = MAX_BODY_BYTES) -> Any:
    """Returns the JSON body of a request; an absent body, or one of another type, reads as an empty object.

    Args:
        request: the request.
        limit: how many bytes are taken.

    Raises:
        InputError: the body is no JSON object or list.
        PayloadTooLargeError: it is too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLargeError(f"The request body is larger than {limit} bytes")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body or media_type != "application/json":
        return {}
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"The request body is not valid JSON: {error}") from error
    if not isinstance(data, dict | list):
        raise InputError("The request body is not valid JSON: expected an object or a list")
    return data
