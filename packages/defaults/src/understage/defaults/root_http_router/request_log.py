"""The request log."""

import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import lru_cache

from understage.defaults.root_http_router.headers import find_header
from understage.defaults.root_http_router.request_target import request_url
from understage.plugin_api import ASGIApp, LoggerService, Message, Receive, Scope, Send


def request_log(app: ASGIApp, logger: LoggerService) -> ASGIApp:
    """Writes an entry for each finished request, in the combined log format and as named values.

    Args:
        app: the app that answers.
        logger: where the entries go.
    """
    logger = logger.child(type="incomingRequest")

    async def with_log(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start: Message | None = None

        def remember(message: Message) -> Awaitable[None]:
            nonlocal start
            if start is None:
                start = message
            return send(message)

        # Layers further in change the scope; what is logged is what came in.
        url = request_url(scope)
        try:
            await app(scope, receive, remember)
        finally:
            _log(logger, scope, url, start)

    return with_log


def _log(logger: LoggerService, scope: Scope, url: str, start: Message | None) -> None:
    method, version = scope["method"], scope["http_version"]
    status = length = agent = referrer = None
    if start is not None:
        status = start["status"]
        length = find_header(start["headers"], b"content-length")
    for name, value in scope["headers"]:
        if name == b"user-agent":
            agent = _text(value)
        elif name == b"referer":
            referrer = _text(value)
    clf_date, iso_date = _dates(int(time.time()))
    client = scope.get("client")
    metadata: dict[str, object] = {
        "date": iso_date,
        "method": method,
        "url": url,
        "status": status,
        "httpVersion": version,
    }
    if agent is not None:
        metadata["userAgent"] = agent
    if length is not None:
        metadata["contentLength"] = int(length)
    if referrer is not None:
        metadata["referrer"] = referrer
    size = length.decode() if length is not None else "-"
    line = (
        f'{client[0] if client else "-"} - - [{clf_date}] "{method} {url} HTTP/{version}" {status or "-"} '
        f'{size} "{referrer or "-"}" "{agent or "-"}"'
    )
    logger.info(line, **metadata)


def _text(value: bytes) -> str:
    return value.decode("latin-1").replace('"', "%22")


@lru_cache(maxsize=2)
def _dates(second: int) -> tuple[str, str]:
    now = datetime.fromtimestamp(second, UTC)
    return now.strftime("%d/%b/%Y:%H:%M:%S +0000"), now.isoformat().replace("+00:00", "Z")
