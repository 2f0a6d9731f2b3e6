"""The files of a tree, in one temporary file that the system removes by itself."""

from __future__ import annotations

import asyncio
import os
import tarfile
import tempfile
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Final

from understage.defaults.url_reader.temporary_files import open_temporary_file
from understage.errors import InputError

_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a file is in the store.

    Attributes:
        path: its path, with slashes.
        offset: where its bytes begin.
        size: how many there are.
        last_modified_at: when it was changed last.
    """

    path: str
    offset: int
    size: int
    last_modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a tree that was read.

    Attributes:
        path: its path, with slashes.
        size: how many bytes it has.
        last_modified_at: when it was changed last.
        read: reads the bytes; blocks.
    """

    path: str
    size: int
    last_modified_at: datetime | None
    read: Callable[[], bytes]

    async def content(self) -> bytes:
        """Returns its bytes."""
        return await asyncio.to_thread(self.read)


class StoredTree:
    """A folder that was read.

    Args:
        store: holds the bytes; it is closed with the tree.
        entries: where each file is.
        etag: the version.
        folder: where temporary folders are made; None for the system's choice.
    """

    def __init__(self, store: IO[bytes], entries: Sequence[Entry], etag: str, folder: str | None = None) -> None:
        self.etag = etag
        self._store = store
        self._entries = entries
        self._folder = folder
        self._close = weakref.finalize(self, store.close)

    def files(self) -> Sequence[StoredFile]:
        """Returns all files, in the order of the archive."""
        return [
            StoredFile(entry.path, entry.size, entry.last_modified_at, partial(self._read, entry))
            for entry in self._entries
        ]

    async def archive(self) -> AsyncIterator[bytes]:
        """Returns the files as an archive, tar with gzip, in pieces."""
        target = await open_temporary_file(self._folder)
        try:
            await asyncio.to_thread(self._write_archive, target)
            while piece := await asyncio.to_thread(target.read, _PIECE):
                yield piece
        finally:
            target.close()

    async def dir(self, target_dir: Path | str | None = None) -> Path:
        """Writes the files to a folder and returns it.

        Args:
            target_dir: the folder; without it a new temporary one, which the caller removes.
        """
        return await asyncio.to_thread(self._write_folder, target_dir)

    def close(self) -> None:
        """Gives up the temporary file."""
        self._close()

    def _read(self, entry: Entry) -> bytes:
        return b"".join(self._pieces(entry))

    def _pieces(self, entry: Entry) -> list[bytes]:
        # Reads by position, so that threads do not get into each other's way.
        descriptor, pieces, done = self._store.fileno(), list[bytes](), 0
        while done < entry.size:
            piece = os.pread(descriptor, min(_PIECE, entry.size - done), entry.offset + done)
            if not piece:
                raise InputError(f"'{entry.path}' is cut off")
            pieces.append(piece)
            done += len(piece)
        return pieces

    def _write_archive(self, target: IO[bytes]) -> None:
        from io import BytesIO

        with tarfile.open(fileobj=target, mode="w:gz") as archive:
            for entry in self._entries:
                member = tarfile.TarInfo(entry.path)
                member.size = entry.size
                member.mtime = int(entry.last_modified_at.timestamp()) if entry.last_modified_at else 0
                archive.addfile(member, BytesIO(self._read(entry)))
        target.seek(0)

    def _write_folder(self, target_dir: Path | str | None) -> Path:
        folder = Path(target_dir if target_dir is not None else tempfile.mkdtemp(dir=self._folder))
        root = folder.resolve()
        for entry in self._entries:
            target = root.joinpath(*entry.path.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            # A folder given by the caller may hold links; nothing is written through them to somewhere else.
            if not target.parent.resolve().is_relative_to(root) or target.is_symlink():
                raise InputError(f"'{entry.path}' would be written outside of {folder}, through a link in it")
            with target.open("wb") as file:
                for piece in self._pieces(entry):
                    file.write(piece)
        return folder
