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
        object.__setattr__(self, "takes_signal", _takes_argument(self.fn))

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


def _takes_argument(fn: TaskFunction) -> bool:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.VAR_POSITIONAL)
        for parameter in parameters
    )
