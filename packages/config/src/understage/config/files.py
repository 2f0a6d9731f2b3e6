"""Reading configuration files, and telling whether they changed since."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from understage.config.errors import ConfigSourceError
from understage.config.location import SourceLocation

Stamp: TypeAlias = tuple[int, int, int] | None

_EMPTY_RETRY_SECONDS = 0.01


def stamp(path: Path) -> Stamp:
    """Returns what changes when a file's content does: modification time, size, inode; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def changed(stamps: Mapping[Path, Stamp]) -> bool:
    """Tells whether any of the files changed since its stamp was taken."""
    return any(stamp(path) != before for path, before in stamps.items())


def directories(files: Iterable[Path]) -> set[Path]:
    """Returns the folders to watch for changes of files: their own, and those of what they link to."""
    return {folder for path in files for folder in (path.parent, path.resolve().parent) if folder.is_dir()}


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads files and remembers them with their stamps.

    Attributes:
        root: the root directory; names of files inside it are shown relative to it.
        stamps: the files read so far.
    """

    root: Path
    stamps: dict[Path, Stamp] = field(default_factory=dict[Path, Stamp])

    def name(self, path: Path) -> str:
        """Returns the name of a file in errors."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def read(self, path: Path) -> str:
        """Returns a file's text. An empty one is read again after 10 ms: an editor may be about to write it.

        Raises:
            FileNotFoundError: there is no such file.
            ConfigSourceError: it cannot be read, or is not UTF-8.
        """
        self.stamps[path] = stamp(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
            if not text:
                time.sleep(_EMPTY_RETRY_SECONDS)
                self.stamps[path] = stamp(path)
                text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise
        except UnicodeDecodeError as error:
            message = f"the file is not UTF-8 text: {error.reason} at byte {error.start}"
            raise ConfigSourceError(message, location=SourceLocation(self.name(path))) from None
        except OSError as error:
            message = f"the file cannot be read: {error.strerror or error}"
            raise ConfigSourceError(message, location=SourceLocation(self.name(path))) from None
        return text
