"""Reads of addresses that several Locations want at the same time are made once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from understage.errors import ServiceUnavailableError
from understage.plugin_api import UrlReaderService

SHARED_SECONDS = 2.0
"""How long an answer is good for others: long enough for one round of processing, too short for people to notice."""
MAX_SHARED_BYTES = 16 * 1024 * 1024
CONCURRENT_READS = 5
SILENT_SECONDS = 30.0
"""How long a host is not asked that did not answer: its Locations must not hold up those of all others."""
MAX_FILE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """What is at an address.

    Attributes:
        files: address and content of each file.
        etag: names this version, if the host tells.
    """

    files: tuple[tuple[str, bytes], ...]
    etag: str | None

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(len(content) for _, content in self.files)


@dataclass(slots=True)
class _Shared:
    reading: asyncio.Task[ReadFiles]
    since: float
    waiting: int = 0


class SharedReads:
    """Reads files by address, a few at a time, and the same one once for all who ask at about the same time.

    Args:
        reader: reads an address.
        clock: tells seconds.
    """

    def __init__(self, reader: UrlReaderService, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._shared: dict[tuple[str, str | None], _Shared] = {}
        self._slots = asyncio.Semaphore(CONCURRENT_READS)
        self._silent: dict[str, tuple[float, str]] = {}

    async def read_file(self, url: str, etag: str | None = None) -> ReadFiles:
        """Returns the one file at an address, whatever characters it has; otherwise as `read`."""
        return await self._share(url, etag, lambda: self._read_file(url, etag))

    async def read(self, url: str, etag: str | None = None) -> ReadFiles:
        """Returns the file at an address, or all that match if it is a pattern with `*`.

        Args:
            url: the address.
            etag: the version that is known.

        Raises:
            NotModifiedError: nothing has changed.
            NotFoundError: there is nothing.
            UnderstageError: it could not be read.
        """
        is_pattern = "*" in unquote(url)
        return await self._share(url, etag, lambda: (self._search if is_pattern else self._read_file)(url, etag))

    async def _share(self, url: str, etag: str | None, read: Callable[[], Coroutine[Any, Any, ReadFiles]]) -> ReadFiles:
        self._forget()
        shared = self._shared.get((url, etag))
        if shared is None:
            shared = _Shared(asyncio.create_task(read()), self._clock())
            self._shared[url, etag] = shared
        shared.waiting += 1
        try:
            # Whoever gives up must not take the answer from the others.
            return await asyncio.shield(shared.reading)
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.reading.done():
                shared.reading.cancel()
                del self._shared[url, etag]

    def _forget(self) -> None:
        now, size = self._clock(), 0
        for key, shared in reversed(list(self._shared.items())):
            if not shared.reading.done():
                continue
            is_good = not shared.reading.cancelled() and shared.reading.exception() is None
            size += shared.reading.result().size if is_good else 0
            if now - shared.since > SHARED_SECONDS or size > MAX_SHARED_BYTES:
                del self._shared[key]

    async def _read_file(self, url: str, etag: str | None) -> ReadFiles:
        async with self._slots, self._noticing_silence(url):
            answer = await self._reader.read_url(url, etag=etag, max_bytes=MAX_FILE_BYTES)
            return ReadFiles(((url, answer.content),), answer.etag)

    async def _search(self, url: str, etag: str | None) -> ReadFiles:
        async with self._slots, self._noticing_silence(url):
            found = await self._reader.search(url, etag=etag)
            files = [(file.url, await file.content()) for file in found.files]
            return ReadFiles(tuple(files), found.etag or None)

    @asynccontextmanager
    async def _noticing_silence(self, url: str) -> AsyncGenerator[None]:
        host = urlsplit(url).netloc.lower()
        until, reason = self._silent.get(host, (0.0, ""))
        if self._clock() < until:
            raise ServiceUnavailableError(f"{url} was not read, because {host} did not answer a moment ago: {reason}")
        try:
            yield
        except ServiceUnavailableError as error:
            if error.retry_after is None:  # otherwise it has answered, and the reader knows until when to wait
                self._silent[host] = (self._clock() + SILENT_SECONDS, str(error))
            raise
        self._silent.pop(host, None)
