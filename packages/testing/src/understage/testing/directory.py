"""Temporary folders with content."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MockContent = Mapping[str, "str | bytes | MockContent | Callable[[Path], None]"]


class MockDirectory:
    """A temporary folder that is removed at the end: by the `with` block, by `remove()`, or by the pytest fixture.

    Args:
        content: what is in it to begin with: texts, bytes and folders by name; a name may hold slashes.
        path: the folder to use, created if need be; by default one of the system's temporary folders.
    """

    def __init__(self, content: MockContent | None = None, *, path: Path | None = None) -> None:
        self.path: Path = Path(tempfile.mkdtemp(prefix="understage-test-")) if path is None else path
        self.path.mkdir(parents=True, exist_ok=True)
        self.add_content(content or {})

    def resolve(self, *parts: str) -> Path:
        """Returns the path of something in the folder, whether it exists or not."""
        return self.path.joinpath(*parts)

    def set_content(self, content: MockContent) -> None:
        """Replaces everything in the folder.

        Args:
            content: texts, bytes and folders by name; a function is called with the path that it is to write.
        """
        self.clear()
        self.add_content(content)

    def add_content(self, content: MockContent) -> None:
        """Adds to the folder, replacing what has the same name.

        Args:
            content: as for `set_content`.

        Raises:
            ValueError: a name leads out of the folder.
        """
        for name, value in content.items():
            self._write(self._inside(name), value)

    def content(self, *parts: str) -> Any:
        """Returns what is in the folder, or in something below it: texts, or bytes where it is no UTF-8, by name.

        Args:
            *parts: where to look; by default the whole folder.

        Returns:
            None if there is nothing.
        """
        return _read(self.resolve(*parts))

    def clear(self) -> None:
        """Removes everything in the folder."""
        for entry in list(self.path.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def remove(self) -> None:
        """Removes the folder; more than once does no harm."""
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Self:
        """Returns the folder."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Removes the folder."""
        self.remove()

    def _inside(self, name: str) -> Path:
        path = self.path.joinpath(name)
        if ".." in path.parts or not path.is_relative_to(self.path):
            raise ValueError(f"'{name}' leads out of the temporary folder")
        return path

    def _write(self, path: Path, value: str | bytes | MockContent | Callable[[Path], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, str):
            path.write_text(value, encoding="utf-8", newline="")
        elif isinstance(value, bytes):
            path.write_bytes(value)
        elif isinstance(value, Mapping):
            path.mkdir(exist_ok=True)
            for name, inner in value.items():
                self._write(self._inside(path.relative_to(self.path).joinpath(name).as_posix()), inner)
        else:
            value(path)


def create_mock_directory(content: MockContent | None = None, *, path: Path | None = None) -> MockDirectory:
    """Creates a temporary folder.

    Args:
        content: what is in it to begin with: texts, bytes and folders by name; a name may hold slashes.
        path: the folder to use; by default one of the system's temporary folders.
    """
    return MockDirectory(content, path=path)


def _read(path: Path) -> Any:
    if path.is_dir():
        return {entry.name: _read(entry) for entry in sorted(path.iterdir())}
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
