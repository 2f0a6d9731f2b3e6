"""Entity tags of complete answers, and the 304 for clients that have the same one already."""

import base64
import hashlib
from collections.abc import Mapping
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
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest())
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


class _EtagSender:
    __slots__ = ("_held", "_scope", "_send", "_swallow")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._held: Message | None = None
        self._swallow = False

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            await self._start(message)
        elif self._held is not None:
            start, self._held = self._held, None
            if kind == "http.response.body" and not message.get("more_body", False):
                self._tag(start, message.get("body", b""))
                if is_fresh(self._scope, start):
                    await self._answer_not_modified(start)
                    return
            await self._send(start)
            await self._send(message)
        elif not self._swallow:
            await self._send(message)

    async def _start(self, message: Message) -> None:
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
        elif is_fresh(self._scope, message):
            await self._answer_not_modified(message)
        else:
            await self._send(message)

    @staticmethod
    def _tag(start: Message, body: bytes) -> None:
        if body:
            start["headers"] = [*start["headers"], (b"etag", weak_etag(body))]

    async def _answer_not_modified(self, start: Message) -> None:
        self._swallow = True
        headers = without_headers(start["headers"], *_ENTITY_HEADERS)
        await self._send({"type": "http.response.start", "status": 304, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})


def is_fresh(scope: Scope, start: Message) -> bool:
    """Tells whether the client has this answer already, by `If-None-Match` or `If-Modified-Since`.

    Args:
        scope: the request.
        start: the start message of the answer.
    """
    if scope["method"] not in ("GET", "HEAD") or not 200 <= start["status"] < 300:
        return False
    conditions: Mapping[bytes, bytes] = {
        name: value
        for name, value in scope["headers"]
        if name in (b"if-none-match", b"if-modified-since", b"cache-control")
    }
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
    if none_match.strip() == b"*":
        return True
    if etag is None:
        return False
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
