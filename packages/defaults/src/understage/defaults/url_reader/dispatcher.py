"""Picks the reader of an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from understage.defaults.url_reader.addresses import parse_http_url
from understage.plugin_api import (
    UrlReaderReadTreeResponse,
    UrlReaderReadUrlResponse,
    UrlReaderSearchResponse,
    UrlReaderService,
)


class DispatchingUrlReader:
    """Reads each address with the reader that it belongs to.

    Args:
        find: returns the reader of an address in its one spelling.
    """

    def __init__(self, find: Callable[[str], UrlReaderService]) -> None:
        self._find = find

    async def read_url(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified_after: datetime | None = None,
        token: str | None = None,
        max_bytes: int | None = None,
    ) -> UrlReaderReadUrlResponse:
        """Reads a file."""
        return await self._reader_of(url).read_url(
            url, etag=etag, last_modified_after=last_modified_after, token=token, max_bytes=max_bytes
        )

    async def read_tree(
        self,
        url: str,
        *,
        etag: str | None = None,
        filter: Callable[[str], bool] | None = None,
        token: str | None = None,
    ) -> UrlReaderReadTreeResponse:
        """Reads a folder."""
        return await self._reader_of(url).read_tree(url, etag=etag, filter=filter, token=token)

    async def search(self, url: str, *, etag: str | None = None, token: str | None = None) -> UrlReaderSearchResponse:
        """Finds files by a pattern."""
        return await self._reader_of(url).search(url, etag=etag, token=token)

    def _reader_of(self, url: str) -> UrlReaderService:
        # The choice is made by the one spelling of the address: another one must not reach another reader.
        return self._find(str(parse_http_url(url)))
