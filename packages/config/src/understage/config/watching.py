"""Keeping configuration live: files are watched, URLs polled."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from understage.config.files import Stamp, changed, directories
from understage.config.sources import RemoteSource

_CHECK_MILLISECONDS = 5_000
_DEBOUNCE_MILLISECONDS = 200
_STEP_MILLISECONDS = 50
_RETRY_SECONDS = 5

logger: logging.Logger = logging.getLogger("understage.config")


class Reloadable(Protocol):
    """What a watcher keeps live."""

    @property
    def stamps(self) -> Mapping[Path, Stamp]:
        """The files to watch, with what tells of their changes."""
        ...

    @property
    def remote_sources(self) -> tuple[RemoteSource, ...]:
        """The sources to poll."""
        ...

    async def reload(self, remote: RemoteSource | None = None) -> bool:
        """Reads the files, or one remote source, again."""
        ...


class ConfigWatcher:
    """Reloads configuration when its sources change, between `start()` and `stop()`; also a context manager.

    Folders are watched rather than files, since editors and Kubernetes replace files instead of writing into them, and
    the files' stamps are compared every few seconds as well, for file systems that tell of no changes.

    Args:
        loaded: what to keep live.
        reload_interval_seconds: how often to fetch URLs.
    """

    def __init__(self, loaded: Reloadable, reload_interval_seconds: float) -> None:
        self._loaded = loaded
        self._interval = reload_interval_seconds
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to watch; a watcher that runs already goes on."""
        if self._tasks:
            return
        polls = [self._poll(source) for source in self._loaded.remote_sources]
        self._tasks = [asyncio.create_task(work) for work in (self._watch(), *polls)]

    async def stop(self) -> None:
        """Stops watching, and waits until nothing runs any more."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _watch(self) -> None:
        while True:
            try:
                await self._watch_folders(await self._folders())
            except Exception:
                # The watch must outlive anything that befalls the file system below it.
                logger.exception("Watching the configuration failed; trying again in %s s", _RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _watch_folders(self, folders: set[Path]) -> None:
        """Reloads on changes, until the files are in other folders."""
        if not folders:
            await asyncio.sleep(_CHECK_MILLISECONDS / 1000)
            return
        from watchfiles import awatch

        _quieten_watcher()
        changes = awatch(
            *folders,
            watch_filter=None,
            debounce=_DEBOUNCE_MILLISECONDS,
            step=_STEP_MILLISECONDS,
            rust_timeout=_CHECK_MILLISECONDS,
            yield_on_timeout=True,
            recursive=False,
        )
        async for _ in changes:
            if await asyncio.to_thread(changed, self._loaded.stamps):
                await self._loaded.reload()
                if await self._folders() != folders:
                    return

    async def _folders(self) -> set[Path]:
        return await asyncio.to_thread(directories, self._loaded.stamps)

    async def _poll(self, source: RemoteSource) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._loaded.reload(source)


def _quieten_watcher() -> None:
    # It logs every change of every file in the folders at info level; what matters is logged by who reloads.
    watcher_logger = logging.getLogger("watchfiles")
    if watcher_logger.level == logging.NOTSET:
        watcher_logger.setLevel(logging.WARNING)
