"""Requests to a plugin that is still starting wait; those to one that has stopped are refused."""

import asyncio
from datetime import timedelta

from understage.defaults.root_http_router.error_answers import RefusalError
from understage.plugin_api import LifecycleService

DEFAULT_TIMEOUT = timedelta(seconds=5)


class StartupPause:
    """Holds requests until the plugin has started.

    Args:
        lifecycle: the plugin's lifecycle.
        timeout: how long a request waits.

    Attributes:
        is_open: whether requests pass without waiting.
    """

    def __init__(self, lifecycle: LifecycleService, timeout: timedelta = DEFAULT_TIMEOUT) -> None:
        self.is_open: bool = False
        self._stopped = False
        self._changed = asyncio.Event()
        self._timeout = timeout.total_seconds()
        lifecycle.add_startup_hook(self._open)
        lifecycle.add_shutdown_hook(self._stop)

    async def wait(self) -> None:
        """Waits for the plugin to start.

        Raises:
            RefusalError: it did not start in time, or it has stopped.
        """
        if not self.is_open and not self._stopped:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._changed.wait()
            except TimeoutError:
                raise RefusalError("Service has not started up yet") from None
        if self._stopped:
            raise RefusalError("Service is shutting down")

    def _open(self) -> None:
        self.is_open = not self._stopped
        self._changed.set()

    def _stop(self) -> None:
        self.is_open = False
        self._stopped = True
        self._changed.set()
