"""The lifecycle of the backend."""

from understage.defaults.lifecycle.hook_runner import HookRunner
from understage.defaults.lifecycle.lifecycle import DefaultLifecycle
from understage.plugin_api import LoggerService
from understage.plugin_api.services.lifecycle import Hook


class DefaultRootLifecycle(DefaultLifecycle):
    """Hooks of the backend: those of a plugin, and one more phase, before any plugin shuts down.

    Args:
        logger: where failures of hooks go that bring no logger of their own.
    """

    def __init__(self, logger: LoggerService) -> None:
        super().__init__(logger, owner="the backend")
        self._before_shutdown = HookRunner("before-shutdown", owner="the backend", logger=logger)

    def add_before_shutdown_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook before any plugin shuts down; requests are still served meanwhile.

        Raises:
            ConflictError: the phase has begun.
        """
        self._before_shutdown.add(hook, logger)

    async def before_shutdown(self) -> None:
        """Runs the before-shutdown hooks."""
        await self._before_shutdown.run()
