"""Files that are read again and again: what has not changed is asked for by its etag and taken from memory."""

from __future__ import annotations

from collections import OrderedDict

from understage.catalog.reading.shared_reads import SharedReads
from understage.errors import NotModifiedError

MAX_REMEMBERED_BYTES = 32 * 1024 * 1024


class RememberedReads:
    """Reads single files.

    Args:
        reads: reads what is not remembered.
        max_bytes: how much is remembered; what was used last stays.
    """

    def __init__(self, reads: SharedReads, max_bytes: int = MAX_REMEMBERED_BYTES) -> None:
        self._reads = reads
        self._max_bytes = max_bytes
        self._remembered: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._size = 0

    async def read(self, url: str) -> bytes:
        """Returns the bytes at an address.

        Args:
            url: the address.

        Raises:
            UnderstageError: it could not be read.
        """
        etag, known = self._remembered.get(url, (None, b""))
        try:
            read = await self._reads.read_file(url, etag)
        except NotModifiedError:
            if url in self._remembered:
                self._remembered.move_to_end(url)
            return known
        self._remember(url, read.etag, read.files[0][1])
        return read.files[0][1]

    def _remember(self, url: str, etag: str | None, content: bytes) -> None:
        _, former = self._remembered.pop(url, ("", b""))
        self._size -= len(former)
        if etag is None or len(content) > self._max_bytes:
            return
        self._remembered[url] = etag, content
        self._size += len(content)
        while self._size > self._max_bytes:
            _, (_, oldest) = self._remembered.popitem(last=False)
            self._size -= len(oldest)
