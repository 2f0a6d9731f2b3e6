"""Requests to the catalog, and what their answers mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from understage.catalog_api.refs import EntityRef, parse_entity_ref
from understage.errors import ResponseError
from understage.plugin_api import DiscoveryService, HttpResponse, RootHttpClientService

Parameters = Iterable[tuple[str, str]]
TokenMint = Callable[[], Awaitable[str]]


class Transport:
    """Makes the requests of the client.

    Args:
        discovery: finds the catalog.
        http_client: makes the requests.
        mint: makes a token for a request that is given none.
    """

    def __init__(
        self, discovery: DiscoveryService, http_client: RootHttpClientService, mint: TokenMint | None = None
    ) -> None:
        self._discovery = discovery
        self._http_client = http_client
        self._mint = mint

    async def ask(
        self, method: str, path: str, *, token: str | None, parameters: Parameters = (), body: Any = msgspec.UNSET
    ) -> bytes:
        """Returns the body of an answer.

        Raises:
            ResponseError: the catalog refused.
        """
        answer = await self.send(method, path, token=token, parameters=parameters, body=body)
        if answer.response.status >= 400:
            raise answer.refusal()
        return answer.response.body

    async def ask_for_one(self, path: str, *, token: str | None) -> bytes | None:
        """Returns the body of an answer, or None if there is no such thing.

        Raises:
            ResponseError: the catalog refused.
        """
        answer = await self.send("GET", path, token=token)
        if answer.response.status == 404:
            return None
        if answer.response.status >= 400:
            raise answer.refusal()
        return answer.response.body

    async def send(
        self, method: str, path: str, *, token: str | None, parameters: Parameters = (), body: Any = msgspec.UNSET
    ) -> Answer:
        """Makes a request, and returns the answer whatever its status is."""
        if token is None and self._mint is not None:
            token = await self._mint()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        encoded = None
        if body is not msgspec.UNSET:
            headers["Content-Type"] = "application/json"
            encoded = msgspec.json.encode(body)
        url = _with_query(await self._discovery.get_base_url("catalog") + path, parameters)
        return Answer(method, url, await self._http_client.request(method, url, headers=headers, body=encoded))


class Answer:
    """An answer of the catalog.

    Args:
        method: the method of the request.
        url: the address that was asked.
        response: what came back.
    """

    def __init__(self, method: str, url: str, response: HttpResponse) -> None:
        self._method = method
        self._url = url
        self.response = response

    def refusal(self) -> ResponseError:
        """Returns the error that an answer of status 400 or more describes."""
        response = self.response
        return ResponseError.from_body(self._method, self._url, response.status, response.reason, response.body)


def entity_path(ref: str | EntityRef) -> str:
    """Returns kind, namespace and name as the segments of a path.

    Raises:
        EntityRefError: `ref` is no reference or lacks the kind.
    """
    parsed = parse_entity_ref(ref)
    return "/".join(segment(part) for part in (parsed.kind, parsed.namespace, parsed.name))


def segment(text: str) -> str:
    """Returns a text as one segment of a path."""
    return quote(text, safe="")


def _with_query(path: str, parameters: Parameters) -> str:
    encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters)
    return f"{path}?{encoded}" if encoded else path
