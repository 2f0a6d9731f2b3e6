"""The URL reader service: files, folders and searches by address, whatever host they are on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class UrlReaderReadUrlResponse:
    """A file that was read.

    Attributes:
        content: its bytes.
        etag: names this version; given to the next call, that raises `NotModifiedError` if nothing has changed.
        last_modified_at: when it was changed last, if the host tells.
    """

    content: bytes
    etag: str | None = None
    last_modified_at: datetime | None = None

    def text(self) -> str:
        """Returns the content as text, of UTF-8.

        Raises:
            UnicodeDecodeError: it is no UTF-8.
        """
        return self.content.decode("utf-8-sig")

    def json(self) -> Any:
        """Returns the content parsed as JSON.

        Raises:
            ValueError: it is no JSON.
        """
        import msgspec

        return msgspec.json.decode(self.content)


class UrlReaderReadTreeFile(Protocol):
    """A file of a tree."""

    @property
    def path(self) -> str:
        """Where it is, relative to the address that was read, with slashes."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    @property
    def last_modified_at(self) -> datetime | None:
        """When it was changed last, if the host tells."""
        ...

    async def content(self) -> bytes:
        """Returns its bytes."""
        ...


class UrlReaderReadTreeResponse(Protocol):
    """A folder that was read. It holds a temporary file, which goes away with it, or earlier by `close`."""

    @property
    def etag(self) -> str:
        """Names this version of the folder's repository."""
        ...

    def files(self) -> Sequence[UrlReaderReadTreeFile]:
        """Returns all files, in the order of the host. Links are left out."""
        ...

    def archive(self) -> AsyncIterator[bytes]:
        """Returns the files as an archive, tar with gzip, in pieces."""
        ...

    async def dir(self, target_dir: Path | str | None = None) -> Path:
        """Writes the files to a folder and returns it.

        Args:
            target_dir: the folder; without it a new temporary one, which the caller removes.
        """
        ...

    def close(self) -> None:
        """Gives up the temporary file; contents cannot be read any more."""
        ...


@dataclass(frozen=True, slots=True)
class UrlReaderSearchFile:
    """A file that a search found.

    Attributes:
        url: its address.
        read: returns its bytes.
        last_modified_at: when it was changed last, if the host tells.
    """

    url: str
    read: Callable[[], Awaitable[bytes]]
    last_modified_at: datetime | None = None

    async def content(self) -> bytes:
        """Returns its bytes."""
        return await self.read()


@dataclass(frozen=True, slots=True)
class UrlReaderSearchResponse:
    """What a search found.

    Attributes:
        files: the files.
        etag: names the version that was searched.
    """

    files: Sequence[UrlReaderSearchFile]
    etag: str


class UrlReaderService(Protocol):
    """Reads files and folders by the addresses that people see in their browser.

    The hosts of `integrations` are read through their APIs, all others as far as `backend.reading.allow` says.
    """

    async def read_url(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified_after: datetime | None = None,
        token: str | None = None,
        max_bytes: int | None = None,
    ) -> UrlReaderReadUrlResponse:
        """Reads a file.

        Args:
            url: the file's address.
            etag: the version that is known already.
            last_modified_after: a version that is not newer than this is known already.
            token: an access token of the host, used instead of the configured one.
            max_bytes: how large the file may be at most; 64 MiB by default.

        Raises:
            NotModifiedError: nothing has changed since.
            NotFoundError: there is no such file.
            NotAllowedError: the configuration does not let this address be read.
            InputError: it is not the address of a file, or the file is too large.
            ServiceUnavailableError: the host does not answer, or wants no requests for a while (`retry_after`).
            UnderstageError: the host answered with another error.
        """
        ...

    async def read_tree(
        self,
        url: str,
        *,
        etag: str | None = None,
        filter: Callable[[str], bool] | None = None,
        token: str | None = None,
    ) -> UrlReaderReadTreeResponse:
        """Reads a folder with everything below it.

        Args:
            url: the folder's address.
            etag: the version that is known already.
            filter: tells of a path, relative to the folder, whether that file is wanted. Called in a thread.
            token: an access token of the host, used instead of the configured one.

        Raises:
            NotModifiedError: nothing has changed since.
            UnsupportedOperationError: this host has no folders.
            UnderstageError: as for `read_url`.
        """
        ...

    async def search(self, url: str, *, etag: str | None = None, token: str | None = None) -> UrlReaderSearchResponse:
        """Finds files by a pattern.

        Args:
            url: an address whose path may hold `*`, `**`, `?`, `[…]` and `{a,b}`; without these it is one file or none.
            etag: the version that is known already.
            token: an access token of the host, used instead of the configured one.

        Raises:
            NotModifiedError: nothing has changed since.
            UnderstageError: as for `read_url`, but a missing file is an empty result.
        """
        ...
