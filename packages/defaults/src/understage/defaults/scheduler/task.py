"""A task as this process knows it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec

from understage.defaults.scheduler.cadence import cadence_text, iso_duration
from understage.plugin_api import AbortSignal, TaskFrequency, TaskFunction, TaskScope


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A task that this process runs.

    Attributes:
        id: its id.
        frequency: how often it runs.
        timeout: how long a run may take.
        fn: what it does.
        initial_delay: how long to wait before the first run of all.
        scope: who shares its runs.
        signal: the owner's wish to stop it.
        waits_until: on the event loop's clock, when the initial delay ends for this process.
    """

    id: str
    frequency: TaskFrequency
    timeout: timedelta
    fn: TaskFunction
    initial_delay: timedelta | None
    scope: TaskScope
    signal: AbortSignal | None = None
    waits_until: float = 0.0
    takes_signal: bool = field(init=False)

    def __post_init__(self) -> None:
        """Finds out whether the function wants the signal."""
        object.__setattr__(self, "takes_signal", takes_signal(self.fn))

    def settings(self) -> dict[str, Any]:
        """Returns the settings in the form in which they are stored and shown."""
        delay = {"initialDelayDuration": iso_duration(self.initial_delay)} if self.initial_delay else {}
        return {
            "version": 2,
            "cadence": cadence_text(self.frequency),
            **delay,
            "timeoutAfterDuration": iso_duration(self.timeout),
        }

    def settings_json(self) -> str:
        """Returns the settings as JSON text."""
        return msgspec.json.encode(self.settings()).decode()

    async def call(self, signal: AbortSignal) -> None:
        """Does the work once."""
        fn: Any = self.fn
        await (fn(signal) if self.takes_signal else fn())


def takes_signal(fn: TaskFunction) -> bool:
    """Tells whether a task's function has a parameter for the signal: a positional one without a default, or `signal`.

    Args:
        fn: the function. What has no readable signature takes the signal.
    """
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        parameter.kind is parameter.VAR_POSITIONAL
        or (
            parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            # A default is how a lambda in a loop keeps a value of its own.
            and (parameter.default is parameter.empty or parameter.name == "signal")
        )
        for parameter in parameters
    )
