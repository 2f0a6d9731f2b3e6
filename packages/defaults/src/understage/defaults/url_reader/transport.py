"""Requests of the URL reader: every hop checked, hosts left alone when they ask for it, answers limited in size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from understage.defaults.url_reader.addresses import HttpUrl, Reach, parse_http_url, reach_of
from understage.defaults.url_reader.allow_rules import ANYWHERE
from understage.defaults.url_reader.back_off import HostBackOff
from understage.defaults.url_reader.proxies import proxy_for
from understage.errors import (
    InputError,
    NotFoundError,
    NotModifiedError,
    ServiceUnavailableError,
    UnderstageError,
)

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver

MEBIBYTE: Final = 1024 * 1024
DEFAULT_MAX_BYTES: Final = 64 * MEBIBYTE
MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 30.0
_CONNECTIONS_PER_HOST: Final = 10
_PIECE: Final = 64 * 1024

HopCheck: TypeAlias = Callable[[HttpUrl], frozenset[Reach]]


class Sink(Protocol):
    """What a download is written to; called in a thread."""

    def write(self, data: bytes, /) -> object:
        """Takes a piece."""
        ...


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request.

    Attributes:
        url: the address.
        check: called with every hop; returns what its host may resolve to, or raises `NotAllowedError`.
        headers: request headers.
        credentials: further headers, left out after a redirect to another scheme, host or port.
        etag: the version that is known.
        last_modified_after: a version not newer than this is known.
        max_bytes: how long the answer may be.
        name: what errors call it; by default the address without its query.
    """

    url: str
    check: HopCheck
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    credentials: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    etag: str | None = None
    last_modified_after: datetime | None = None
    max_bytes: int = DEFAULT_MAX_BYTES
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        content: its body; empty for a download.
        headers: header values by lower-case name; of a repeated header the last.
    """

    content: bytes
    headers: Mapping[str, str]

    @property
    def etag(self) -> str | None:
        """The version's name."""
        return self.headers.get("etag")

    @property
    def last_modified_at(self) -> datetime | None:
        """When it was changed last."""
        return parse_http_date(self.headers.get("last-modified"))


class Transport:
    """Makes the requests; one for the whole backend.

    Args:
        back_off: remembers which hosts to leave alone.
        resolver: resolves names; by default the system does.
    """

    def __init__(
        self, back_off: HostBackOff | None = None, *, resolver: Callable[[], AbstractResolver] | None = None
    ) -> None:
        self._back_off = back_off or HostBackOff()
        self._resolver = resolver
        self._sessions: dict[frozenset[Reach], ClientSession] = {}
        self._closed = False

    async def fetch(self, request: ReadRequest) -> Fetched:
        """Reads an answer whole.

        Raises:
            NotModifiedError: nothing has changed.
            NotFoundError: there is nothing.
            NotAllowedError: the address, or one that it redirects to, must not be read.
            InputError: the address cannot be used, or the answer is too long.
            ServiceUnavailableError: there is no answer, or the host wants no requests for now.
            UnderstageError: the answer is another error.
        """
        async with self._open(request, seconds=120.0) as response:
            content = b"".join([piece async for piece in _pieces(request, response)])
            return Fetched(content, _headers(response))

    async def download(self, request: ReadRequest, sink: Sink) -> Fetched:
        """Reads an answer piece by piece.

        Args:
            request: the request.
            sink: takes the pieces.

        Raises:
            UnderstageError: as for `fetch`.
        """
        async with self._open(request, seconds=1800.0) as response:
            async for piece in _pieces(request, response):
                await asyncio.to_thread(sink.write, piece)
            return Fetched(b"", _headers(response))

    async def close(self) -> None:
        """Closes all connections; requests made afterwards fail."""
        self._closed = True
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    @asynccontextmanager
    async def _open(self, request: ReadRequest, seconds: float) -> AsyncGenerator[ClientResponse]:
        """Follows redirects to a good answer; errors on the way and while the answer is read become ours."""
        import aiohttp

        url = parse_http_url(request.url)
        name = request.name or url.shown
        try:
            async with asyncio.timeout(seconds):
                response = await self._follow(request, url, name)
                try:
                    yield response
                finally:
                    response.close()
        except TimeoutError as error:
            raise ServiceUnavailableError(f"{name} could not be read: no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ServiceUnavailableError(f"{name} could not be read", error) from error

    async def _follow(self, request: ReadRequest, url: HttpUrl, name: str) -> ClientResponse:
        first = url
        for _ in range(MAX_REDIRECTS + 1):
            headers = {**request.headers, **_conditions(request)}
            if url.origin == first.origin:
                headers.update(request.credentials)
            response = await self._send(url, request.check(url), headers)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                try:
                    self._raise_for_status(response, url, name)
                except BaseException:
                    response.close()
                    raise
                return response
            response.close()
            url = url.join(location)
        raise UnderstageError(f"{name} could not be read: it redirects more than {MAX_REDIRECTS} times")

    async def _send(self, url: HttpUrl, reach: frozenset[Reach], headers: Mapping[str, str]) -> ClientResponse:
        from yarl import URL

        from understage.defaults.url_reader.guarded_resolver import refused

        address = url.ip
        if address is not None and reach_of(address) not in reach:
            raise refused(url.host, reach_of(address))
        self._back_off.check(url.netloc)
        proxy = proxy_for(url)
        # A proxy resolves the names itself, and its own name is the administrator's choice.
        session = self._session(reach if proxy is None else ANYWHERE)
        return await session.get(URL(str(url), encoded=True), headers=headers, allow_redirects=False, proxy=proxy)

    def _session(self, reach: frozenset[Reach]) -> ClientSession:
        if self._closed:
            raise ServiceUnavailableError("this backend is shutting down and makes no more requests")
        session = self._sessions.get(reach)
        if session is None:
            import aiohttp

            from understage.defaults.url_reader.guarded_resolver import GuardedResolver

            resolver = GuardedResolver(reach, (self._resolver or aiohttp.ThreadedResolver)())
            session = self._sessions[reach] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit_per_host=_CONNECTIONS_PER_HOST, limit=0, resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS),
                headers={"User-Agent": "understage"},
            )
        return session

    def _raise_for_status(self, response: ClientResponse, url: HttpUrl, name: str) -> None:
        refusal = self._back_off.observe(url.netloc, response.status, response.headers)
        if refusal is not None:
            raise refusal
        label = f"{response.status} {response.reason or ''}".strip()
        if response.status == 304:
            raise NotModifiedError(f"{name} has not changed")
        if response.status == 404:
            raise NotFoundError(f"{name} could not be read, {label}")
        if not 200 <= response.status < 300:
            raise UnderstageError(f"{name} could not be read, {label}")


async def _pieces(request: ReadRequest, response: ClientResponse) -> AsyncIterator[bytes]:
    announced = response.content_length
    if announced is not None and announced > request.max_bytes:
        raise _too_long(request)
    total = 0
    async for piece in response.content.iter_chunked(_PIECE):
        total += len(piece)
        if total > request.max_bytes:
            raise _too_long(request)
        yield piece


def _too_long(request: ReadRequest) -> InputError:
    name = request.name or parse_http_url(request.url).shown
    return InputError(f"{name} is larger than {request.max_bytes} bytes")


def _conditions(request: ReadRequest) -> dict[str, str]:
    conditions: dict[str, str] = {}
    if request.etag is not None:
        conditions["If-None-Match"] = request.etag
    if request.last_modified_after is not None:
        moment = request.last_modified_after
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        conditions["If-Modified-Since"] = format_datetime(moment, usegmt=True)
    return conditions


def _headers(response: ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def parse_http_date(text: str | None) -> datetime | None:
    """Returns the moment that a header names, in UTC, or None if it names none."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
