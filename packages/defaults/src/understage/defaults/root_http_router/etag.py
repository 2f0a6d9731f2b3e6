"""Entity tags of complete answers, and the 304 for clients that have the same one already."""

import hashlib
from binascii import b2a_base64
from collections.abc import Awaitable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from understage.defaults.root_http_router.answers import Header
from understage.defaults.root_http_router.headers import find_header, without_headers
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send

NO_ETAG: Header = (b"etag", b"")
"""A response header by which an app says that its answer shall have no entity tag; it is not sent."""

_BODILESS = (204, 304)
_ENTITY_HEADERS = (b"content-type", b"content-length", b"transfer-encoding")


def weak_etag(body: bytes) -> bytes:
    """Returns the tag that Express gives a body: its length in hex and a part of its SHA-1."""
    digest = b2a_base64(hashlib.sha1(body, usedforsecurity=False).digest())
    return b'W/"%x-%b"' % (len(body), digest[:27])


def etags(app: ASGIApp) -> ASGIApp:
    """Adds entity tags to answers that come in one piece with a content length, and honours conditional requests.

    Streams pass untouched. An app that sets its own `ETag` keeps it; an empty one (`NO_ETAG`) means none.

    Args:
        app: the app that answers.
    """

    async def with_etags(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = _EtagSender(scope, send)
        await app(scope, receive, send)

    return with_etags


async def _nothing() -> None:
    """Awaited in place of what is sent later, or not at all."""


class _EtagSender:
    __slots__ = ("_held", "_scope", "_send", "_swallow")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._held: Message | None = None
        self._swallow = False

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            return self._start(message)
        if self._held is not None:
            return self._first(self._held, message)
        return _nothing() if self._swallow else self._send(message)

    def _start(self, message: Message) -> Awaitable[None]:
        headers: list[Header] = message["headers"]
        sized = own = False
        for name, value in headers:
            if name == b"content-length":
                sized = value != b"0"
            elif name == b"etag":
                own = True
                if not value:
                    message["headers"] = without_headers(headers, b"etag")
        if not own and sized and message["status"] not in _BODILESS:
            self._held = message
            return _nothing()
        return self._answer_not_modified(message) if is_fresh(self._scope, message) else self._send(message)

    async def _first(self, start: Message, message: Message) -> None:
        self._held = None
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            body: bytes = message.get("body", b"")
            if body:
                start["headers"] = [*start["headers"], (b"etag", weak_etag(body))]
            if is_fresh(self._scope, start):
                await self._answer_not_modified(start)
                return
        await self._send(start)
        await self._send(message)

    async def _answer_not_modified(self, start: Message) -> None:
        self._swallow = True
        headers = without_headers(start["headers"], *_ENTITY_HEADERS)
        await self._send({"type": "http.response.start", "status": 304, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})


def is_fresh(scope: Scope, start: Message) -> bool:
    """Tells whether the client has this answer already, by `If-None-Match` or `If-Modified-Since`.

    No answer without a tag is known by `If-None-Match`, not even by `*`.

    Args:
        scope: the request.
        start: the start message of the answer.
    """
    if scope["method"] not in ("GET", "HEAD") or not 200 <= start["status"] < 300:
        return False
    conditions: Mapping[bytes, bytes] = dict(scope["headers"])
    none_match = conditions.get(b"if-none-match")
    since = conditions.get(b"if-modified-since")
    if (none_match is None and since is None) or b"no-cache" in conditions.get(b"cache-control", b""):
        return False
    if none_match is not None:
        return _matches(none_match, find_header(start["headers"], b"etag"))
    modified = _date(find_header(start["headers"], b"last-modified"))
    known = _date(since)
    return modified is not None and known is not None and modified <= known


def _matches(none_match: bytes, etag: bytes | None) -> bool:
    if etag is None:
        return False
    if none_match.strip() == b"*":
        return True
    wanted = etag.removeprefix(b"W/")
    return any(tag.strip().removeprefix(b"W/") == wanted for tag in none_match.split(b","))


def _date(value: bytes | None) -> datetime | None:
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
