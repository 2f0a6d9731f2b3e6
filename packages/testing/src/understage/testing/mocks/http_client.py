"""An HTTP client for tests that answers from a table."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from understage.errors import ServiceUnavailableError
from understage.plugin_api import HttpResponse


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that was made.

    Attributes:
        method: the HTTP method.
        url: the absolute address.
        headers: the request headers by lower-case name.
        body: the raw body.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None


HttpHandler = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


class MockHttpClient:
    """Answers requests by functions of the test; other requests fail as if nobody listened.

    Args:
        routes: by `METHOD address`, such as `GET https://example.com/x`, an answer or what makes one; the query does
            not count.

    Attributes:
        requests: all requests so far.
    """

    def __init__(self, routes: Mapping[str, HttpResponse | HttpHandler] | None = None) -> None:
        self._routes = dict(routes or {})
        self.requests: list[HttpRequest] = []

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
        """Answers a request; `timeout_seconds` and `follow_redirects` have no effect.

        Raises:
            ServiceUnavailableError: there is no route for it.
        """
        names = {name.lower(): value for name, value in (headers or {}).items()}
        request = HttpRequest(method.upper(), url, names, body)
        self.requests.append(request)
        route = self._routes.get(f"{request.method} {url.partition('?')[0]}")
        if route is None:
            known = ", ".join(self._routes) or "none"
            raise ServiceUnavailableError(
                f"{request.method} {url} failed: the mock HTTP client has no such route ({known})"
            )
        if isinstance(route, HttpResponse):
            return route
        answer = route(request)
        return await answer if inspect.isawaitable(answer) else answer


def json_response(value: Any, status: int = 200) -> HttpResponse:
    """Returns an answer with a JSON body.

    Args:
        value: what the body holds.
        status: the HTTP status.
    """
    import msgspec

    return HttpResponse(status, "", {"content-type": "application/json"}, msgspec.json.encode(value))
