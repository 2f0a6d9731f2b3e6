"""Which mounted app answers a path."""

from collections.abc import Iterator
from typing import Generic, TypeVar

AppT = TypeVar("AppT")


class MountTable(Generic[AppT]):
    """Apps by path prefix; the longest prefix on a segment boundary wins."""

    def __init__(self) -> None:
        self._mounts: list[tuple[str, AppT]] = []
        self._root: AppT | None = None

    def __iter__(self) -> Iterator[AppT]:
        yield from (app for _, app in self._mounts)
        if self._root is not None:
            yield self._root

    def __contains__(self, path: str) -> bool:
        return self._root is not None if not path else any(prefix == path for prefix, _ in self._mounts)

    def add(self, path: str, app: AppT) -> None:
        """Mounts an app.

        Args:
            path: the prefix, normalised; empty for the root.
            app: the app.
        """
        if path:
            self._mounts.append((path, app))
            self._mounts.sort(key=lambda mount: -len(mount[0]))
        else:
            self._root = app

    def find(self, path: str) -> tuple[str, AppT] | None:
        """Returns the prefix and the app that answer a path, or None."""
        for prefix, app in self._mounts:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return prefix, app
        return None if self._root is None else ("", self._root)


def normalized_path(path: str) -> str:
    """Returns a path with one leading slash and none at the end; the root is empty."""
    inner = path.strip().strip("/")
    return f"/{inner}" if inner else ""
