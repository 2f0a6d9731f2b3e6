"""The HTTP client, on aiohttp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from understage.errors import InputError, ServiceUnavailableError
from understage.plugin_api import EnvironmentProxies, HttpResponse

if TYPE_CHECKING:
    from aiohttp import ClientSession


class DefaultRootHttpClient:
    """Makes requests over pooled connections. Cookies are not kept: the callers have nothing to do with each other.

    aiohttp is imported, and the pool opened, by the first request, so that a backend that makes none pays nothing.

    Args:
        connections_per_host: how many connections to one host may be open at once; further requests wait.
    """

    def __init__(self, *, connections_per_host: int = 50) -> None:
        self._connections_per_host = connections_per_host
        self._sessions: dict[bool, ClientSession] = {}
        self._proxies = EnvironmentProxies()
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 30.0,
        follow_redirects: bool = False,
    ) -> HttpResponse:
        """Makes a request and reads the answer whole, whatever its status.

        Args:
            method: the HTTP method.
            url: the absolute address.
            headers: request headers.
            body: the raw request body.
            timeout_seconds: for the whole exchange.
            follow_redirects: whether redirects are followed.

        Raises:
            InputError: the address is not an absolute http or https address.
            ServiceUnavailableError: no answer could be had: refused, reset, not resolved, timed out, or this backend
                is shutting down.
        """
        session = self._open(follow_redirects)
        import aiohttp

        try:
            async with session.request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=follow_redirects,
                proxy=None if follow_redirects else self._proxies.proxy_for(url),
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            ) as response:
                content = await response.read()
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise InputError(f"{method} {shown_url(url)}: not an absolute http or https address", error) from error
        except TimeoutError as error:
            raise ServiceUnavailableError(
                f"{method} {shown_url(url)} failed: no answer within {timeout_seconds:g} seconds"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ServiceUnavailableError(f"{method} {shown_url(url)} failed", error) from error
        return HttpResponse(
            status=response.status,
            reason=response.reason or "",
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
        )

    async def close(self) -> None:
        """Closes all connections; requests made afterwards fail."""
        self._closed = True
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    def _open(self, follow_redirects: bool) -> ClientSession:
        if self._closed:
            raise ServiceUnavailableError("this backend is shutting down and makes no more requests")
        session = self._sessions.get(follow_redirects)
        if session is None:
            import aiohttp

            session = self._sessions[follow_redirects] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit_per_host=self._connections_per_host, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Each redirect may need another proxy. aiohttp then reads the environment, and a .netrc, in threads.
                trust_env=follow_redirects,
                headers={"User-Agent": "understage"},
            )
        return session


def shown_url(url: str) -> str:
    """Returns an address for messages: without user, password, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be parsed"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
