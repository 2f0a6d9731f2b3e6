"""Which files matter to a backend in development, and whether they have really changed."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = frozenset({".py", ".yaml", ".yml", ".json", ".toml", ".sql"})
IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})


class Sources:
    """Source and configuration files; caches, databases and hidden folders are left out.

    Args:
        folders: everything below them that has the suffix of a source or configuration file counts, unless a folder on
            the way is hidden, an environment of Python or Node, or a cache.
        files: these count wherever they are.
    """

    def __init__(self, folders: Iterable[Path], files: Iterable[Path] = ()) -> None:
        self._folders = sorted({_absolute(folder) for folder in folders}, key=_depth, reverse=True)
        self._files = {_absolute(file) for file in files}
        self._digests: dict[Path, bytes | None] = {}

    def watched(self) -> list[Path]:
        """Returns the folders to watch: files are watched through theirs, as editors replace files."""
        return sorted({*self._folders, *(file.parent for file in self._files)})

    def remember(self) -> None:
        """Notes what is in all files at present."""
        self._digests = {path: _digest(path) for path in (*self._walk(), *self._files)}

    def changed(self, paths: Iterable[Path]) -> list[Path]:
        """Returns those that hold something else than when this was last asked.

        Args:
            paths: files that may have changed.
        """
        found: list[Path] = []
        for path in sorted(set(paths)):
            digest = _digest(path)
            if digest != self._digests.get(path):
                self._digests[path] = digest
                found.append(path)
        return found

    def __contains__(self, path: Path) -> bool:
        """Tells whether a file matters."""
        if path in self._files:
            return True
        folder = next((folder for folder in self._folders if path.is_relative_to(folder)), None)
        if folder is None or path.suffix not in SUFFIXES:
            return False
        return not any(map(_is_ignored, path.relative_to(folder).parts))

    def _walk(self) -> Iterator[Path]:
        for root in self._folders:
            for folder, names, files in os.walk(root):
                names[:] = [name for name in names if not _is_ignored(name)]
                yield from (path for name in files if (path := Path(folder, name)) in self)


def _absolute(path: Path) -> Path:
    # Links stay as they are: changes are told by the names that were asked for.
    return Path(os.path.normpath(path.absolute()))


def _depth(path: Path) -> int:
    return len(path.parts)


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name in IGNORED_FOLDERS


def _digest(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        # It is gone, or about to be replaced; the replacement is a change of its own.
        return None
