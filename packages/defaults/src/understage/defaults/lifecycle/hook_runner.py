"""Runs the hooks of one phase of a lifecycle."""

import asyncio
import inspect
from dataclasses import dataclass

from understage.errors import ConflictError
from understage.plugin_api import LoggerService
from understage.plugin_api.services.lifecycle import Hook


@dataclass(frozen=True, slots=True)
class _Registered:
    hook: Hook
    logger: LoggerService


class HookRunner:
    """Collects hooks until their phase fires, then runs them concurrently; the phase fires once.

    Args:
        phase: the name of the phase, for messages: `startup`, `shutdown` or `before-shutdown`.
        owner: whose lifecycle it is, for messages, such as `plugin 'catalog'`.
        logger: where failures of hooks go that bring no logger of their own.
    """

    def __init__(self, phase: str, *, owner: str, logger: LoggerService) -> None:
        self._phase = phase
        self._owner = owner
        self._logger = logger
        self._hooks: list[_Registered] = []
        self._fired = False

    @property
    def fired(self) -> bool:
        """Whether the phase has begun."""
        return self._fired

    def add(self, hook: Hook, logger: LoggerService | None = None) -> None:
        """Adds a hook.

        Raises:
            ConflictError: the phase has begun.
        """
        if self._fired:
            raise ConflictError(
                f"cannot add a {self._phase} hook to {self._owner}: its {self._phase} has begun already; "
                "add hooks while the plugin initialises"
            )
        self._hooks.append(_Registered(hook, logger or self._logger))

    async def run(self) -> None:
        """Runs all hooks at once and waits for them, however long they take. A failing hook is only logged."""
        if self._fired:
            return
        self._fired = True
        hooks, self._hooks = self._hooks, []
        await asyncio.gather(*(self._run_hook(registered) for registered in hooks))

    async def _run_hook(self, registered: _Registered) -> None:
        try:
            outcome = registered.hook()
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as error:  # noqa: BLE001 - one hook must not keep the others from running
            self._report(error, registered.logger)

    def _report(self, error: Exception, logger: LoggerService) -> None:
        message = f"A {self._phase} hook of {self._owner} failed: {error}"
        logger.error(message, error=error)
