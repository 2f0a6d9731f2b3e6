"""Passing a request on, and its answer back, while they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from understage.gateway.answers import Upstream504Error
from understage.gateway.headers import request_headers, response_headers
from understage.gateway.upstream import Upstream
from understage.plugin_api import Receive, Scope, Send


class _ClientGoneError(Exception):
    """The client has closed its connection in the middle of its request."""


class _Body:
    """The body of a request, read while it comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.complete = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise _ClientGoneError
            chunk: bytes = message.get("body", b"")
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                self.complete.set()
                return

    async def wait_for_disconnect(self) -> None:
        """Returns when the client has closed its connection, after its request is complete."""
        await self.complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def pass_http(upstream: Upstream, url: str, hops: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Passes an HTTP request on.

    Args:
        upstream: makes the request.
        url: where it goes.
        hops: what it says of how far it has come.
        scope: the request.
        receive: gives its body.
        send: takes the answer.

    Raises:
        Upstream504Error: no answer could be had.
    """
    body = _Body(receive)
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
    if not has_body:
        body.complete.set()
    passing = asyncio.create_task(_pass(upstream, url, hops, scope, body if has_body else None, send))
    upstream.wait_for(passing)
    leaving = asyncio.create_task(body.wait_for_disconnect())
    try:
        await asyncio.wait([passing, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        # The answer of somebody who has left may never end by itself.
        leaving.cancel()
        if not passing.done():
            passing.cancel()
        await asyncio.wait([passing, leaving])
    if not passing.cancelled():
        await passing


async def _pass(upstream: Upstream, url: str, hops: int, scope: Scope, body: _Body | None, send: Send) -> None:
    session = upstream.session()
    import aiohttp
    from yarl import URL

    started = False
    try:
        async with session.request(
            scope["method"],
            URL(url, encoded=True),
            headers=request_headers(scope["headers"], hops),
            data=None if body is None else aiter(body),
            allow_redirects=False,
            proxy=upstream.proxies.proxy_for(url),
        ) as response:
            headers = response_headers(response.raw_headers)
            if response.content_type == "text/event-stream":
                upstream.cut_off(asyncio.current_task())
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            started = True
            async for chunk in response.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except _ClientGoneError:
        return
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        if isinstance(error.__cause__, _ClientGoneError):
            return
        if started:
            raise
        raise Upstream504Error("no answer") from error
