"""Finds the handler of a request: paths in any case, with or without a slash at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from understage.catalog.http.responses import send_not_found
from understage.errors import InputError
from understage.plugin_api import Receive, Scope, Send

Handler = Callable[["Request"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request with the path parameters that its route names.

    Attributes:
        scope: the ASGI scope.
        receive: where the body comes from.
        send: where the answer goes.
        path: decoded path parameters in order.
    """

    scope: Scope
    receive: Receive
    send: Send
    path: tuple[str, ...]

    @property
    def query_string(self) -> bytes:
        """The query string as it came."""
        query: bytes = self.scope["query_string"]
        return query


class Routes:
    """An ASGI app that hands requests to handlers by method and path."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], Handler] = {}
        self._patterns: list[tuple[str, tuple[str | None, ...], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Adds a route.

        Args:
            method: the HTTP method; `GET` answers `HEAD` as well.
            path: below the plugin's root, in lower case; parameters are written as `{name}`.
            handler: answers the request.
        """
        parts = path.strip("/").split("/")
        if "{" not in path:
            self._exact[method, "/".join(parts)] = handler
        else:
            self._patterns.append((method, tuple(None if part[0] == "{" else part for part in parts), handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; an unknown path or method is an empty 404."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await _no_lifespan(receive, send)
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        raw = _raw_path(scope)
        handler = self._exact.get((method, raw.lower()))
        if handler is not None:
            await handler(Request(scope, receive, send, ()))
            return
        parts = raw.split("/")
        for wanted_method, pattern, candidate in self._patterns:
            if wanted_method == method and _matches(pattern, parts):
                found = tuple(_decoded(part) for want, part in zip(pattern, parts, strict=True) if want is None)
                await candidate(Request(scope, receive, send, found))
                return
        await send_not_found(send)


def _raw_path(scope: Scope) -> str:
    """Returns the path below the plugin's root as it came, so that an encoded slash does not part segments."""
    root: str = scope.get("root_path", "")
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        path: str = scope["path"]
        return path[len(root) :].strip("/")
    return raw.split(b"?")[0].decode("latin-1")[len(root) :].strip("/")


def _matches(pattern: tuple[str | None, ...], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        part != "" if wanted is None else wanted == part.lower() for wanted, part in zip(pattern, parts, strict=True)
    )


def _decoded(part: str) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise InputError(f"Failed to decode param '{part}'") from None
    if "\0" in text:
        raise InputError("The path holds a NUL character")
    return text


async def _no_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
