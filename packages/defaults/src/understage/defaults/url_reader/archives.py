"""Takes archives apart without trusting them."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from understage.defaults.url_reader.file_store import Entry
from understage.errors import InputError

_PIECE: Final = 256 * 1024
# Headers of tar files are small; a larger one is made to use up memory.
_MAX_HEADER: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """How large a tree may be.

    Attributes:
        archive_bytes: of the archive, as it is downloaded.
        total_bytes: of the archive, unpacked.
        files: how many files.
    """

    archive_bytes: int = 512 * 1024 * 1024
    total_bytes: int = 2048 * 1024 * 1024
    files: int = 200_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of an archive are wanted.

    Attributes:
        strip_root: whether the archive holds everything in one folder, which is left out of the paths.
        folder: only files below this folder, which is left out of the paths too; empty for all.
        wanted: tells of a path whether the file is wanted.
    """

    strip_root: bool = True
    folder: str = ""
    wanted: Callable[[str], bool] | None = None

    def place(self, name: str) -> str | None:
        """Returns the path that a file of the archive gets, or None if it is not wanted.

        Args:
            name: its name in the archive.

        Raises:
            InputError: the name leads out of the archive.
        """
        path = _checked_name(name)
        # A backslash separates folders elsewhere, and no honest name needs one.
        if "\\" in path:
            return None
        if self.strip_root:
            _, slash, path = path.partition("/")
            if not slash:
                return None
        if self.folder:
            if not path.startswith(f"{self.folder}/"):
                return None
            path = path[len(self.folder) + 1 :]
        return path if path and (self.wanted is None or self.wanted(path)) else None


def unpack(
    archive: IO[bytes], selection: Selection, limits: TreeLimits, folder: str | None = None
) -> tuple[IO[bytes], list[Entry]]:
    """Unpacks an archive into a store: tar, with gzip or without, or zip. Blocks; links and devices are left out.

    Args:
        archive: the archive; closed afterwards.
        selection: which files are wanted.
        limits: how much is accepted.
        folder: where the temporary file is made; None for the system's choice.

    Returns:
        The store, and where the files are in it.

    Raises:
        InputError: it is no such archive, it is damaged or too large, or a name leads out of it.
    """
    store: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
    try:
        with archive:
            archive.seek(0)
            magic = archive.read(4)
            archive.seek(0)
            if magic in _ZIP:
                return store, _unpack_zip(archive, store, selection, limits)
            source = gzip.GzipFile(fileobj=archive, mode="rb") if magic.startswith(_GZIP) else archive
            _copy(source, store, limits.total_bytes)
            return store, _index_tar(store, selection, limits)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError) as error:
        store.close()
        raise InputError("The archive cannot be unpacked", error) from error
    except BaseException:
        store.close()
        raise


class _HeaderReader:
    """A file whose single reads are limited, since tarfile reads a header as large as it claims to be."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise InputError(f"The archive has a header of {size} bytes")
        return self._file.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()


def _index_tar(store: IO[bytes], selection: Selection, limits: TreeLimits) -> list[Entry]:
    size = store.seek(0, 2)
    store.seek(0)
    entries: list[Entry] = []
    count = 0
    with tarfile.TarFile(fileobj=_HeaderReader(store), mode="r") as archive:  # type: ignore[arg-type]
        members: list[tarfile.TarInfo] = vars(archive)["members"]
        while (member := archive.next()) is not None:
            # tarfile keeps all members for random access, which nobody needs here.
            members.clear()
            count += 1
            _check_count(count, limits)
            if not member.isreg() or member.issparse():
                continue
            path = selection.place(member.name)
            if path is None:
                continue
            if member.offset_data + member.size > size:
                raise InputError(f"The archive is cut off in '{path}'")
            entries.append(Entry(path, member.offset_data, member.size, _moment(member.mtime)))
    return entries


def _unpack_zip(archive: IO[bytes], store: IO[bytes], selection: Selection, limits: TreeLimits) -> list[Entry]:
    entries: list[Entry] = []
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        _check_count(len(members), limits)
        for member in members:
            # The upper half of the attributes is the file's mode where Unix made the archive.
            kind = (member.external_attr >> 16) & 0o170000
            if member.is_dir() or kind not in (0, 0o100000):
                continue
            path = selection.place(member.filename)
            if path is None:
                continue
            if member.flag_bits & 0x1:
                raise InputError(f"'{path}' in the archive is encrypted")
            offset = store.tell()
            with opened.open(member) as source:
                _copy(source, store, limits.total_bytes)
            entries.append(Entry(path, offset, store.tell() - offset, _zip_moment(member)))
    store.flush()
    return entries


def _copy(source: IO[bytes] | gzip.GzipFile, store: IO[bytes], limit: int) -> None:
    """Appends, until the store as a whole has reached the limit."""
    while piece := source.read(_PIECE):
        if store.tell() + len(piece) > limit:
            raise InputError(f"The archive has more than {limit} bytes when it is unpacked")
        store.write(piece)
    store.flush()


def _check_count(count: int, limits: TreeLimits) -> None:
    if count > limits.files:
        raise InputError(f"The archive has more than {limits.files} files")


def _checked_name(name: str) -> str:
    path = name.removeprefix("./")
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        raise InputError(f"The archive holds '{name[:200]}', a name that leads out of it")
    return path


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


def _zip_moment(member: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*member.date_time, tzinfo=UTC)
    except ValueError:
        return None
