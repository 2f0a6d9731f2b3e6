"""Connections to other backends. aiohttp is imported by the first request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from understage.errors import ServiceUnavailableError
from understage.plugin_api import EnvironmentProxies

if TYPE_CHECKING:
    from aiohttp import ClientSession

CONNECT_SECONDS = 10.0
DRAIN_SECONDS = 30.0
_MAX_HEADER_BYTES = 64 * 1024


class Upstream:
    """A pool of connections.

    Attributes:
        proxies: through which proxy a request goes, as the environment says.
    """

    def __init__(self) -> None:
        self.proxies = EnvironmentProxies()
        self._session: ClientSession | None = None
        self._closed = False
        self._passing: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[None]] = set()

    def wait_for(self, passing: asyncio.Task[None]) -> None:
        """Lets the end wait for a request that passes."""
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)
        passing.add_done_callback(self._streams.discard)

    def cut_off(self, passing: asyncio.Task[None] | None) -> None:
        """Lets the end cut a request off instead: its answer has turned out to be a stream, which may never end."""
        if passing in self._passing:
            self._passing.remove(passing)
            self._streams.add(passing)

    def session(self) -> ClientSession:
        """Returns the session that requests are made with.

        Raises:
            ServiceUnavailableError: this backend is shutting down.
        """
        if self._closed:
            raise ServiceUnavailableError("this backend is shutting down and passes nothing on")
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Bodies pass as they are, and streams may last.
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                max_line_size=_MAX_HEADER_BYTES,
                max_field_size=_MAX_HEADER_BYTES,
                skip_auto_headers=["Accept", "Accept-Encoding", "Content-Type", "User-Agent"],
            )
        return self._session

    async def close(self) -> None:
        """Refuses further requests, cuts streams off, waits for what passes, and closes all connections."""
        self._closed = True
        for stream in self._streams:
            stream.cancel()
        if self._passing:
            _, late = await asyncio.wait(self._passing, timeout=DRAIN_SECONDS)
            for passing in late:
                passing.cancel()
        session, self._session = self._session, None
        if session is not None:
            await session.close()
