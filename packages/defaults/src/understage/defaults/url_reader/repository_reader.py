"""Reads repositories, whatever host they are on: what all source hosts have in common."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from understage.defaults.url_reader.archives import Selection, TreeLimits, unpack
from understage.defaults.url_reader.fetch_reader import search_single_file
from understage.defaults.url_reader.file_store import StoredTree
from understage.defaults.url_reader.glob import glob_matcher, is_glob, static_prefix
from understage.defaults.url_reader.temporary_files import open_temporary_file
from understage.defaults.url_reader.transport import DEFAULT_MAX_BYTES, Fetched, ReadRequest, Transport
from understage.errors import InputError, NotFoundError, NotModifiedError
from understage.integration import RepositoryIntegration, RepositoryUrl
from understage.plugin_api import (
    UrlReaderReadUrlResponse,
    UrlReaderSearchFile,
    UrlReaderSearchResponse,
)


@dataclass(frozen=True, slots=True)
class FileConditions:
    """What the caller of `read_url` knows and wants.

    Attributes:
        etag: the version that is known.
        last_modified_after: a version not newer than this is known.
        max_bytes: how large the file may be.
    """

    etag: str | None = None
    last_modified_after: datetime | None = None
    max_bytes: int = DEFAULT_MAX_BYTES

    def on(self, request: ReadRequest, *, max_bytes: int | None = None) -> ReadRequest:
        """Returns a request for a file under these conditions.

        Args:
            request: the request without them.
            max_bytes: how long the answer may be, where a file comes packed up in another form.
        """
        return replace(
            request,
            etag=self.etag,
            last_modified_after=self.last_modified_after,
            max_bytes=self.max_bytes if max_bytes is None else max_bytes,
        )


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """Where the archive of a repository is.

    Attributes:
        request: asks for it.
        strip_root: whether everything in it is in one folder.
        folder: the folder that its paths start in, if not the repository's root.
    """

    request: ReadRequest
    strip_root: bool = True
    folder: str = ""


class RepositoryHost(Protocol):
    """What a source host offers. Each method may be given a token, used instead of the configured credentials."""

    @property
    def integration(self) -> RepositoryIntegration:
        """The host's addresses."""
        ...

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file."""
        ...

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the commit that the location's ref stands for now."""
        ...

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of a commit is."""
        ...


class RepositoryReader:
    """Reads the repositories of one host.

    Args:
        host: the host.
        transport: downloads archives.
        limits: how large trees may be.
        folder: where temporary files are made; None for the system's choice.
    """

    def __init__(
        self, host: RepositoryHost, transport: Transport, limits: TreeLimits | None = None, folder: str | None = None
    ) -> None:
        self._host = host
        self._transport = transport
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
        """Reads a file."""
        location = self._host.integration.parse_url(url)
        if not location.path:
            raise InputError(f"{location.url} is not the address of a file")
        limit = DEFAULT_MAX_BYTES if max_bytes is None else max_bytes
        fetched = await self._host.file(location, FileConditions(etag, last_modified_after, limit), token)
        return UrlReaderReadUrlResponse(fetched.content, fetched.etag, fetched.last_modified_at)

    async def read_tree(
        self,
        url: str,
        *,
        etag: str | None = None,
        filter: Callable[[str], bool] | None = None,
        token: str | None = None,
    ) -> StoredTree:
        """Reads a folder from the archive of its commit, which is also its etag."""
        return await self._read_tree(self._host.integration.parse_url(url), etag, filter, token)

    async def search(self, url: str, *, etag: str | None = None, token: str | None = None) -> UrlReaderSearchResponse:
        """Finds files by a pattern in the path."""
        integration = self._host.integration
        location = integration.parse_url(url)
        if not is_glob(location.path):
            return await search_single_file(partial(self.read_url, token=token), url, etag)
        prefix = static_prefix(location.path)
        place = replace(location, path=prefix)
        matches = glob_matcher(location.path)
        try:
            tree = await self._read_tree(place, etag, lambda path: matches(posixpath.join(prefix, path)), token)
        except NotFoundError:
            return UrlReaderSearchResponse([], "")
        files = [
            UrlReaderSearchFile(
                integration.url_of(location, posixpath.join(prefix, file.path)),
                file.content,
                file.last_modified_at,
            )
            for file in tree.files()
        ]
        return UrlReaderSearchResponse(files, tree.etag)

    async def _read_tree(
        self, location: RepositoryUrl, etag: str | None, wanted: Callable[[str], bool] | None, token: str | None
    ) -> StoredTree:
        revision = await self._host.revision(location, token)
        if revision == etag:
            raise NotModifiedError(f"{location.url} has not changed since {etag}")
        source = await self._host.archive(location, revision, token)
        # The archive is closed by unpack, or here if the download fails.
        archive = await open_temporary_file(self._folder)
        try:
            request = replace(source.request, max_bytes=self._limits.archive_bytes, name=location.url)
            await self._transport.download(request, archive)
        except BaseException:
            archive.close()
            raise
        below = location.path.removeprefix(source.folder).strip("/") if source.folder else location.path
        selection = Selection(source.strip_root, below, wanted)
        store, entries = await asyncio.to_thread(unpack, archive, selection, self._limits, self._folder)
        return StoredTree(store, entries, revision, self._folder)
