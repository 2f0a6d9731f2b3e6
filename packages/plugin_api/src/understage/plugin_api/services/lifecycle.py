"""The lifecycle services: hooks around start and stop."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from understage.plugin_api.services.logger import LoggerService

Hook = Callable[[], Awaitable[None] | None]


class LifecycleService(Protocol):
    """Hooks of one plugin. Hooks of a phase run concurrently; one that fails is logged and never fails the phase.

    The backend itself calls `startup` and `shutdown`, once each; an own implementation must offer them.
    """

    def add_startup_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook once the plugin has initialised.

        Raises:
            ConflictError: the plugin has started already.
        """
        ...

    def add_shutdown_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook when the plugin shuts down.

        Raises:
            ConflictError: the plugin has shut down already.
        """
        ...

    async def startup(self) -> None:
        """Runs the startup hooks; called by the backend."""
        ...

    async def shutdown(self) -> None:
        """Runs the shutdown hooks; called by the backend."""
        ...


class RootLifecycleService(LifecycleService, Protocol):
    """Hooks of the whole backend: startup after all plugins, shutdown after all plugins."""

    def add_before_shutdown_hook(self, hook: Hook, *, logger: LoggerService | None = None) -> None:
        """Runs a hook before any plugin shuts down; requests are still served meanwhile.

        Raises:
            ConflictError: the phase has passed.
        """
        ...

    async def before_shutdown(self) -> None:
        """Runs the before-shutdown hooks; called by the backend."""
        ...
