"""Addresses that are read again and again: what has not changed is asked for by its etag and taken from memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from understage.catalog.reading.shared_reads import ReadFiles, SharedReads
from understage.errors import NotModifiedError

MAX_REMEMBERED_BYTES = 32 * 1024 * 1024


class RememberedReads:
    """Reads addresses.

    Args:
        reads: reads what is not remembered.
        max_bytes: how much is remembered; what was used last stays.
    """

    def __init__(self, reads: SharedReads, max_bytes: int = MAX_REMEMBERED_BYTES) -> None:
        self._reads = reads
        self._max_bytes = max_bytes
        self._remembered: OrderedDict[tuple[str, bool], ReadFiles] = OrderedDict()
        self._size = 0

    async def read_file(self, url: str) -> bytes:
        """Returns the bytes of the one file at an address, whatever characters it has.

        Args:
            url: the address.

        Raises:
            UnderstageError: it could not be read.
        """
        read = await self._recall((url, False), self._reads.read_file)
        return read.files[0][1]

    async def read(self, url: str, etag: str | None = None) -> ReadFiles:
        """Returns the file at an address, or all that match if it is a pattern with `*`.

        Args:
            url: the address.
            etag: a version that the caller has no use for.

        Raises:
            NotModifiedError: it is still that version.
            UnderstageError: it could not be read.
        """
        if etag is None:
            return await self._recall((url, True), self._reads.read)
        read = await self._reads.read(url, etag)
        self._remember((url, True), read)
        return read

    async def _recall(
        self, key: tuple[str, bool], read: Callable[[str, str | None], Awaitable[ReadFiles]]
    ) -> ReadFiles:
        """Reads by a key: the address, and whether it may be a pattern."""
        known = self._remembered.get(key)
        try:
            found = await read(key[0], known.etag if known is not None else None)
        except NotModifiedError:
            if known is None:
                raise
            found = known
        self._remember(key, found)
        return found

    def _remember(self, key: tuple[str, bool], read: ReadFiles) -> None:
        former = self._remembered.pop(key, None)
        self._size -= former.size if former is not None else 0
        if read.etag is None or read.size > self._max_bytes:
            return
        self._remembered[key] = read
        self._size += read.size
        while self._size > self._max_bytes:
            _, oldest = self._remembered.popitem(last=False)
            self._size -= oldest.size
