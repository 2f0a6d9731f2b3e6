"""Connections to other backends. aiohttp is imported by the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understage.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from aiohttp import ClientSession

CONNECT_SECONDS = 10.0
_MAX_HEADER_BYTES = 64 * 1024


class Upstream:
    """A pool of connections."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None
        self._closed = False

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
                trust_env=True,
                # Bodies pass as they are, and streams may last.
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                max_line_size=_MAX_HEADER_BYTES,
                max_field_size=_MAX_HEADER_BYTES,
                skip_auto_headers=["Accept", "Accept-Encoding", "Content-Type", "User-Agent"],
            )
        return self._session

    async def close(self) -> None:
        """Closes all connections; what still passes is cut off."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()
