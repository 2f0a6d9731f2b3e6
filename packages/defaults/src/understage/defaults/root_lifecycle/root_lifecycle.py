"""The lifecycle of the backend."""

from understage.defaults.lifecycle.hook_runner import HookRunner
from understage.defaults.lifecycle.lifecycle import DefaultLifecycle
from understage.plugin_api import LoggerService, RootLifecycleService
from understage.plugin_api.services.lifecycle import Hook


class DefaultRootLifecycle(DefaultLifecycle):
    """Hooks of the backend: those of a plugin, one phase before any plugin shuts down, and one after all of it.

    Args:
        logger: where failures of hooks go that bring no logger of their own.
    """

    def __init__(self, logger: LoggerService) -> None:
        super().__init__(logger, owner="the backend")
        self._before_shutdown = HookRunner("before-shutdown", owner="the backend", logger=logger)
        self._after_shutdown = HookRunner("after-shutdown", owner="the backend", logger=logger)

    def add_before_shutdown_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook before any plugin shuts down; requests are still served meanwhile.

        Raises:
            ConflictError: the phase has begun.
        """
        self._before_shutdown.add(hook, logger)

    def add_after_shutdown_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook after all shutdown hooks: it closes what requests under way still use, such as connections.

        Raises:
            ConflictError: the phase has begun.
        """
        self._after_shutdown.add(hook, logger)

    async def before_shutdown(self) -> None:
        """Runs the before-shutdown hooks."""
        await self._before_shutdown.run()

    async def shutdown(self) -> None:
        """Runs the shutdown hooks, among which the HTTP server drains, then the after-shutdown hooks."""
        await super().shutdown()
        await self._after_shutdown.run()


def close_after_shutdown(lifecycle: RootLifecycleService, close: Hook) -> None:
    """Closes something once requests under way have been answered; with a custom lifecycle, along with the server.

    Args:
        lifecycle: the root lifecycle.
        close: what closes it.
    """
    if isinstance(lifecycle, DefaultRootLifecycle):
        lifecycle.add_after_shutdown_hook(close)
    else:
        lifecycle.add_shutdown_hook(close)
