"""The HTTP client of a test backend: requests to the backend itself stay in process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.plugin_api import (
    HttpResponse,
    RootHttpClientService,
    RootLifecycle,
    core_services,
    create_service_factory,
)
from understage.testing.backend.server import TestServer, test_server_ref

if TYPE_CHECKING:
    from httpx2 import AsyncClient

TestServerService = Annotated[TestServer, test_server_ref]


class TestHttpClient:
    """Makes requests to the test backend in process, and real ones to everything else.

    Args:
        server: the backend's HTTP side.
        outside: makes the real requests.
    """

    __test__ = False

    def __init__(self, server: TestServer, outside: RootHttpClientService) -> None:
        self._server = server
        self._outside = outside
        self._inside: AsyncClient | None = None

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
        """Makes a request; `timeout_seconds` counts for requests to the outside.

        Raises:
            ServiceUnavailableError: no answer could be had.
        """
        if self._server.is_listening or not self._is_inside(url):
            return await self._outside.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout_seconds=timeout_seconds,
                follow_redirects=follow_redirects,
            )
        client = self._inside = self._inside or create_client(self._server)
        response = await client.request(method, url, headers=headers, content=body, follow_redirects=follow_redirects)
        client.cookies.clear()
        return HttpResponse(
            status=response.status_code,
            reason=response.reason_phrase,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=response.content,
        )

    async def close(self) -> None:
        """Closes what is open."""
        if self._inside is not None:
            await self._inside.aclose()

    def _is_inside(self, url: str) -> bool:
        own, asked = urlsplit(self._server.url), urlsplit(url)
        return (own.scheme, own.netloc) == (asked.scheme, asked.netloc)


def create_client(server: TestServer) -> AsyncClient:
    """Returns an httpx2 client whose relative addresses start at the backend's root.

    Args:
        server: the backend's HTTP side.

    Raises:
        RuntimeError: the backend's root HTTP router was replaced by one that has no app.
    """
    from httpx2 import ASGITransport, AsyncClient

    if server.is_listening:
        return AsyncClient(base_url=server.url, trust_env=False)
    if server.app is None:
        raise RuntimeError("the test backend has no HTTP app: its root HTTP router was replaced by one without")
    return AsyncClient(base_url=server.url, transport=ASGITransport(app=server.app))


@create_service_factory(service=core_services.root_http_client)
def http_client_factory(server: TestServerService, lifecycle: RootLifecycle) -> RootHttpClientService:
    """Provides the HTTP client of a test backend."""
    outside = DefaultRootHttpClient()
    client = TestHttpClient(server, outside)
    lifecycle.add_shutdown_hook(client.close)
    lifecycle.add_shutdown_hook(outside.close)
    return client
