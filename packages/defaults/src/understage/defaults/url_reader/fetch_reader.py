"""Reads single files of any host that the configuration allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from understage.defaults.url_reader.addresses import normalize_path, parse_http_url
from understage.defaults.url_reader.allow_rules import AllowRules
from understage.defaults.url_reader.glob import is_glob
from understage.defaults.url_reader.transport import DEFAULT_MAX_BYTES, ReadRequest, Transport
from understage.errors import NotFoundError, UnsupportedOperationError
from understage.plugin_api import (
    UrlReaderReadTreeResponse,
    UrlReaderReadUrlResponse,
    UrlReaderSearchFile,
    UrlReaderSearchResponse,
)


class FetchReader:
    """Reads what `backend.reading.allow` allows, each redirect checked as if it had been asked for.

    Args:
        transport: makes the requests.
        rules: what is allowed.
    """

    def __init__(self, transport: Transport, rules: AllowRules) -> None:
        self._transport = transport
        self._rules = rules

    async def read_url(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified_after: datetime | None = None,
        token: str | None = None,
        max_bytes: int | None = None,
    ) -> UrlReaderReadUrlResponse:
        """Reads a file; a token is sent as a bearer token."""
        fetched = await self._transport.fetch(
            ReadRequest(
                url=url,
                check=self._rules.check,
                credentials={"Authorization": f"Bearer {token}"} if token else {},
                etag=etag,
                last_modified_after=last_modified_after,
                max_bytes=DEFAULT_MAX_BYTES if max_bytes is None else max_bytes,
            )
        )
        return UrlReaderReadUrlResponse(fetched.content, fetched.etag, fetched.last_modified_at)

    async def read_tree(
        self,
        url: str,
        *,
        etag: str | None = None,
        filter: Callable[[str], bool] | None = None,
        token: str | None = None,
    ) -> UrlReaderReadTreeResponse:
        """Refuses: plain HTTP knows no folders.

        Raises:
            UnsupportedOperationError: always.
        """
        shown = parse_http_url(url).shown
        raise UnsupportedOperationError(
            f"{shown}: folders cannot be read over plain HTTP; configure an integration for the host"
        )

    async def search(self, url: str, *, etag: str | None = None, token: str | None = None) -> UrlReaderSearchResponse:
        """Returns the one file that an address names, or none if there is no such file.

        Raises:
            UnsupportedOperationError: the address holds a pattern.
        """
        parsed = parse_http_url(url)
        if is_glob(normalize_path(parsed.path)):
            raise UnsupportedOperationError(
                f"{parsed.shown}: patterns are not understood over plain HTTP; configure an integration for its host"
            )
        return await search_single_file(partial(self.read_url, token=token), url, etag)


async def search_single_file(
    read: Callable[..., Awaitable[UrlReaderReadUrlResponse]], url: str, etag: str | None
) -> UrlReaderSearchResponse:
    """Returns the one file that an address names, or none if there is no such file.

    Args:
        read: reads a file; called with the address and the etag.
        url: the address.
        etag: the version that is known.

    Raises:
        NotModifiedError: nothing has changed.
    """
    try:
        found = await read(url, etag=etag)
    except NotFoundError:
        return UrlReaderSearchResponse([], "")

    async def content() -> bytes:
        return found.content

    return UrlReaderSearchResponse([UrlReaderSearchFile(url, content, found.last_modified_at)], found.etag or "")
