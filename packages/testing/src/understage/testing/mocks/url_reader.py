"""A URL reader for tests that reads from a table."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from understage.errors import InputError, NotFoundError, NotModifiedError
from understage.plugin_api import (
    UrlReaderReadUrlResponse,
    UrlReaderSearchFile,
    UrlReaderSearchResponse,
)


@dataclass(frozen=True, slots=True)
class MockTreeFile:
    """A file of the table.

    Attributes:
        path: where it is below the folder.
        data: its bytes.
        last_modified_at: nobody knows.
    """

    path: str
    data: bytes
    last_modified_at: datetime | None = None

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.data)

    async def content(self) -> bytes:
        """Returns its bytes."""
        return self.data


@dataclass(frozen=True, slots=True)
class MockTree:
    """A folder of the table.

    Attributes:
        entries: its files.
        etag: a hash of them.
    """

    entries: Sequence[MockTreeFile]
    etag: str

    def files(self) -> Sequence[MockTreeFile]:
        """Returns all files."""
        return self.entries

    async def archive(self) -> AsyncIterator[bytes]:
        """Returns the files as tar with gzip, in one piece."""
        buffer = BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for entry in self.entries:
                member = tarfile.TarInfo(entry.path)
                member.size = entry.size
                archive.addfile(member, BytesIO(entry.data))
        yield buffer.getvalue()

    async def dir(self, target_dir: Path | str | None = None) -> Path:
        """Writes the files to a folder, a new temporary one by default, and returns it."""
        folder = Path(target_dir if target_dir is not None else tempfile.mkdtemp())
        for entry in self.entries:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(entry.data)
        return folder

    def close(self) -> None:
        """Does nothing: there is no temporary file."""


class MockUrlReader:
    """Reads files of a table; an etag is a hash of what was read.

    Args:
        files: by address, the content. Folders are the addresses that others begin with.

    Attributes:
        files: the same; tests may change it.
        requests: all addresses that were asked for so far.
    """

    def __init__(self, files: Mapping[str, bytes | str] | None = None) -> None:
        self.files: dict[str, bytes | str] = dict(files or {})
        self.requests: list[str] = []

    async def read_url(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified_after: datetime | None = None,
        token: str | None = None,
        max_bytes: int | None = None,
    ) -> UrlReaderReadUrlResponse:
        """Reads a file; `last_modified_after` and `token` have no effect.

        Raises:
            NotFoundError: the table has no such address.
            NotModifiedError: the content still has this etag.
            InputError: the file is larger than `max_bytes`.
        """
        self.requests.append(url)
        if url not in self.files:
            raise NotFoundError(f"{url} was not found: the mock URL reader has {', '.join(self.files) or 'no files'}")
        content = _bytes(self.files[url])
        if max_bytes is not None and len(content) > max_bytes:
            raise InputError(f"{url} has {len(content)} bytes, more than {max_bytes}")
        return UrlReaderReadUrlResponse(content, _check_etag([(url, content)], etag))

    async def read_tree(
        self,
        url: str,
        *,
        etag: str | None = None,
        filter: Callable[[str], bool] | None = None,
        token: str | None = None,
    ) -> MockTree:
        """Reads all files below an address; `token` has no effect.

        Raises:
            NotFoundError: there are none.
            NotModifiedError: they still have this etag.
        """
        self.requests.append(url)
        root = url.rstrip("/") + "/"
        found = [(name.removeprefix(root), _bytes(data)) for name, data in self.files.items() if name.startswith(root)]
        if not found:
            raise NotFoundError(f"{url} was not found: the mock URL reader has {', '.join(self.files) or 'no files'}")
        seen = _check_etag(found, etag)
        return MockTree([MockTreeFile(path, data) for path, data in found if filter is None or filter(path)], seen)

    async def search(self, url: str, *, etag: str | None = None, token: str | None = None) -> UrlReaderSearchResponse:
        """Finds files by a pattern with `*`, `**`, `?`, `[…]` and `{a,b}`; `token` has no effect.

        Raises:
            NotModifiedError: what was found still has this etag.
        """
        from understage.defaults.url_reader.glob import glob_matcher

        self.requests.append(url)
        matches = glob_matcher(url)
        found = [(name, _bytes(data)) for name, data in self.files.items() if matches(name)]
        seen = _check_etag(found, etag)
        return UrlReaderSearchResponse([_search_file(name, data) for name, data in found], seen)


def _search_file(url: str, data: bytes) -> UrlReaderSearchFile:
    async def read() -> bytes:
        return data

    return UrlReaderSearchFile(url, read)


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _check_etag(files: Sequence[tuple[str, bytes]], etag: str | None) -> str:
    digest = hashlib.sha256()
    for name, data in files:
        digest.update(f"{name}\n{len(data)}\n".encode() + data)
    seen = digest.hexdigest()
    if etag == seen:
        raise NotModifiedError(f"nothing has changed since {etag}")
    return seen
