"""The lifecycle of a plugin."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from understage.defaults.lifecycle.hook_runner import HookRunner
from understage.errors import ConflictError
from understage.plugin_api import LoggerService
from understage.plugin_api.services.lifecycle import Hook

Surrounding = Callable[[], AbstractAsyncContextManager[object]]


class DefaultLifecycle:
    """Hooks of one plugin. Hooks have no timeout.

    Args:
        logger: where failures of hooks go that bring no logger of their own.
        owner: whose lifecycle it is, for messages, such as `plugin 'catalog'`.
    """

    def __init__(self, logger: LoggerService, *, owner: str) -> None:
        self._owner = owner
        self._logger = logger
        self._surroundings: list[Surrounding] = []
        self._entered = AsyncExitStack()
        self._startup = HookRunner("startup", owner=owner, logger=logger)
        self._shutdown = HookRunner("shutdown", owner=owner, logger=logger)

    def add_startup_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook once the plugin has initialised.

        Raises:
            ConflictError: the plugin has started already.
        """
        self._startup.add(hook, logger)

    def add_shutdown_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook when the plugin shuts down.

        Raises:
            ConflictError: the plugin has shut down already.
        """
        self._shutdown.add(hook, logger)

    def surround(self, context: Surrounding) -> None:
        """Enters a context before the startup hooks run and leaves it after the shutdown hooks ran.

        Unlike a hook, a context that cannot be entered fails the start of its owner.

        Args:
            context: called once, at startup.

        Raises:
            ConflictError: the owner has started already.
        """
        if self._startup.fired:
            raise ConflictError(f"cannot surround {self._owner} any more: its startup has begun already")
        self._surroundings.append(context)

    async def startup(self) -> None:
        """Enters the surrounding contexts one after another, then runs the startup hooks.

        Raises:
            Exception: what a context raised; those entered before it are left again and no hook runs.
        """
        if self._startup.fired:
            return
        surroundings, self._surroundings = self._surroundings, []
        async with AsyncExitStack() as stack:
            for surrounding in surroundings:
                await stack.enter_async_context(surrounding())
            self._entered = stack.pop_all()
        await self._startup.run()

    async def shutdown(self) -> None:
        """Runs the shutdown hooks, then leaves the surrounding contexts in reverse order."""
        if self._shutdown.fired:
            return
        await self._shutdown.run()
        try:
            await self._entered.aclose()
        except Exception as error:  # noqa: BLE001 - stopping goes on whatever a context does
            self._report(error)

    def _report(self, error: Exception) -> None:
        message = f"{self._owner} did not stop cleanly: {error}"
        self._logger.error(message, error=error)
