"""Reads object stores: what S3 and Google Cloud Storage have in common."""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import IO, Final, Protocol

from understage.defaults.url_reader.archives import TreeLimits
from understage.defaults.url_reader.fetch_reader import search_single_file
from understage.defaults.url_reader.file_store import Entry, StoredTree
from understage.defaults.url_reader.glob import glob_matcher, is_glob, static_prefix
from understage.defaults.url_reader.repository_reader import FileConditions
from understage.defaults.url_reader.temporary_files import open_temporary_file
from understage.defaults.url_reader.transport import DEFAULT_MAX_BYTES, Fetched
from understage.errors import InputError, NotModifiedError
from understage.integration import ObjectUrl
from understage.plugin_api import UrlReaderReadUrlResponse, UrlReaderSearchFile, UrlReaderSearchResponse

_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that a store lists.

    Attributes:
        key: its key.
        size: how many bytes it has.
        etag: its version.
        last_modified_at: when it was changed last.
    """

    key: str
    size: int
    etag: str
    last_modified_at: datetime | None


class ObjectStore(Protocol):
    """What a store offers. Each method may be given a token, used instead of the configured credentials."""

    def parse(self, url: str) -> ObjectUrl:
        """Takes an address apart."""
        ...

    async def get(self, location: ObjectUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads an object."""
        ...

    async def list(self, location: ObjectUrl, prefix: str, limit: int, token: str | None) -> Sequence[StoredObject]:
        """Lists the objects whose keys begin with a prefix, sorted by key.

        Raises:
            InputError: there are more than the limit.
        """
        ...


class ObjectReader:
    """Reads the buckets of one store; the slashes in the keys make folders.

    Args:
        store: the store.
        limits: how large trees may be.
        folder: where temporary files are made; None for the system's choice.
    """

    def __init__(self, store: ObjectStore, limits: TreeLimits | None = None, folder: str | None = None) -> None:
        self._store = store
        self._limits = limits or TreeLimits()
        self._folder = folder

    async def read_url(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified_after: datetime | None = None,
        token: str | None = None,
        max_bytes: int | None = None,
    ) -> UrlReaderReadUrlResponse:
        """Reads an object."""
        location = self._store.parse(url)
        if not location.key:
            raise InputError(f"{location.browse_url} is the address of a bucket, not of an object")
        limit = DEFAULT_MAX_BYTES if max_bytes is None else max_bytes
        fetched = await self._store.get(location, FileConditions(etag, last_modified_after, limit), token)
        return UrlReaderReadUrlResponse(fetched.content, fetched.etag, fetched.last_modified_at)

    async def read_tree(
        self,
        url: str,
        *,
        etag: str | None = None,
        filter: Callable[[str], bool] | None = None,
        token: str | None = None,
    ) -> StoredTree:
        """Reads all objects below a key; the etag is a hash of their versions."""
        location = self._store.parse(url)
        prefix = f"{location.key}/" if location.key else ""
        objects, seen = await self._list(location, prefix, etag, token)
        found = [item for item in objects if filter is None or filter(item.key.removeprefix(prefix))]
        if sum(item.size for item in found) > self._limits.total_bytes:
            raise InputError(f"{location.url_of(prefix)} has more than {self._limits.total_bytes} bytes")
        # The tree closes the file, or the handler below if there will be no tree.
        store = await open_temporary_file(self._folder)
        try:
            entries = await self._download(location, prefix, found, store, token)
        except BaseException:
            store.close()
            raise
        return StoredTree(store, entries, seen, self._folder)

    async def search(self, url: str, *, etag: str | None = None, token: str | None = None) -> UrlReaderSearchResponse:
        """Finds objects by a pattern in the key."""
        location = self._store.parse(url)
        if not is_glob(location.key):
            return await search_single_file(partial(self.read_url, token=token), url, etag)
        folder = static_prefix(location.key)
        objects, seen = await self._list(location, f"{folder}/" if folder else "", etag, token)
        matches = glob_matcher(location.key)
        files = [
            UrlReaderSearchFile(
                location.url_of(item.key), self._content_of(location, item, token), item.last_modified_at
            )
            for item in objects
            if matches(item.key)
        ]
        return UrlReaderSearchResponse(files, seen)

    async def _list(
        self, location: ObjectUrl, prefix: str, etag: str | None, token: str | None
    ) -> tuple[list[StoredObject], str]:
        listed = await self._store.list(location, prefix, self._limits.files, token)
        objects = [item for item in listed if _is_file(item.key.removeprefix(prefix))]
        digest = hashlib.sha256()
        for item in objects:
            digest.update(f"{item.key}\n{item.etag}\n".encode())
        seen = digest.hexdigest()
        if etag == seen:
            raise NotModifiedError(f"{location.url_of(prefix)} has not changed since {etag}")
        return objects, seen

    async def _download(
        self,
        location: ObjectUrl,
        prefix: str,
        objects: Sequence[StoredObject],
        store: IO[bytes],
        token: str | None,
    ) -> list[Entry]:
        entries: list[Entry] = []
        for start in range(0, len(objects), _AT_ONCE):
            batch = objects[start : start + _AT_ONCE]
            contents = await asyncio.gather(*(self._content_of(location, item, token)() for item in batch))
            for item, content in zip(batch, contents, strict=True):
                offset = entries[-1].offset + entries[-1].size if entries else 0
                await asyncio.to_thread(store.write, content)
                path = item.key.removeprefix(prefix)
                entries.append(Entry(path, offset, len(content), item.last_modified_at))
        await asyncio.to_thread(store.flush)
        return entries

    def _content_of(self, location: ObjectUrl, item: StoredObject, token: str | None) -> Callable[[], Awaitable[bytes]]:
        async def read() -> bytes:
            return (await self._store.get(replace(location, key=item.key), FileConditions(), token)).content

        return read


def _is_file(path: str) -> bool:
    """Tells whether a key can be the path of a file: stores list folders too, and accept any text as a key."""
    return bool(path) and "\\" not in path and posixpath.normpath(f"/{path}") == f"/{path}"
