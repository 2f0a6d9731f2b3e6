"""Finds the handler of a request: paths in any case, with or without a slash at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from understage.catalog.http.operations import Operation
from understage.catalog.http.parameters import Parameters
from understage.catalog.http.responses import send_not_found
from understage.errors import InputError
from understage.plugin_api import Receive, Scope, Send

Handler = Callable[["Request"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request for an operation.

    Attributes:
        operation: what is asked for.
        scope: the ASGI scope.
        receive: where the body comes from.
        send: where the answer goes.
        path: decoded path parameters in order.
        parameters: the query parameters, checked.
    """

    operation: Operation
    scope: Scope
    receive: Receive
    send: Send
    path: tuple[str, ...]
    parameters: Parameters

    async def body(self) -> dict[str, Any]:
        """Reads the body, and checks it as the operation says.

        Raises:
            InputError: it is none that the operation takes.
        """
        if self.operation.body is None:
            raise TypeError(f"{self.operation.id} takes no body")
        return await self.operation.body.read(self.scope, self.receive)


class Routes:
    """An ASGI app that hands requests to handlers by method and path."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._exact: dict[tuple[str, str], tuple[Operation, Handler]] = {}
        self._patterns: list[tuple[tuple[str | None, ...], Operation, Handler]] = []

    def add(self, operation: Operation, handler: Handler) -> None:
        """Adds a route.

        Args:
            operation: what is asked for.
            handler: answers it.
        """
        self.operations.append(operation)
        parts = operation.path.strip("/").split("/")
        if operation.path_parameters:
            pattern = tuple(None if part[0] == "{" else part for part in parts)
            self._patterns.append((pattern, operation, handler))
        else:
            self._exact[operation.method, "/".join(parts)] = operation, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; an unknown path or method is an empty 404."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await _no_lifespan(receive, send)
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        raw = _raw_path(scope)
        query: bytes = scope["query_string"]
        exact = self._exact.get((method, raw.lower()))
        if exact is not None:
            operation, handler = exact
            await handler(Request(operation, scope, receive, send, (), operation.query.parse(query)))
            return
        parts = raw.split("/")
        for pattern, operation, handler in self._patterns:
            if operation.method == method and _matches(pattern, parts):
                found = tuple(_decoded(part) for want, part in zip(pattern, parts, strict=True) if want is None)
                await handler(Request(operation, scope, receive, send, found, operation.query.parse(query)))
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
