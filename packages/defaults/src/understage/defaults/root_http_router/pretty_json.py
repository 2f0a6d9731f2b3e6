"""Indented JSON, for developers who read answers themselves."""

import json

from understage.defaults.root_http_router.answers import Header
from understage.defaults.root_http_router.headers import find_header, set_header
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send


def pretty_json(app: ASGIApp) -> ASGIApp:
    """Indents JSON answers that come in one piece by two spaces.

    Args:
        app: the app that answers.
    """

    async def with_pretty_json(scope: Scope, receive: Receive, send: Send) -> None:
        held: Message | None = None

        async def indent(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_sized_json(message["headers"]):
                held = message
                return
            if held is not None:
                start, held = held, None
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    body = _indented(message.get("body", b""))
                    start["headers"] = set_header(start["headers"], b"content-length", str(len(body)).encode())
                    message = {**message, "body": body}
                await send(start)
            await send(message)

        await app(scope, receive, indent)

    return with_pretty_json


def _is_sized_json(headers: list[Header]) -> bool:
    content_type = find_header(headers, b"content-type") or b""
    plain = find_header(headers, b"content-encoding") is None and find_header(headers, b"etag") is None
    return plain and content_type.startswith(b"application/json") and find_header(headers, b"content-length") != b"0"


def _indented(body: bytes) -> bytes:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode()
    except ValueError:
        return body
