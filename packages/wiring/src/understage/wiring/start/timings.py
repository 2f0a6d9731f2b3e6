"""How long the steps of the start took, by `time.perf_counter()`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Step = Literal["services", "modules", "init", "hooks"]


@dataclass(slots=True)
class Timing:
    """The start of one plugin or module.

    Attributes:
        started: when it began.
        ended: when it had settled.
        steps: seconds by step: getting its services, running its modules, its init, its startup hooks.
    """

    started: float | None = None
    ended: float | None = None
    steps: dict[Step, float] = field(default_factory=dict["Step", float])

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Adds the time of a block to a step."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.steps[step] = self.steps.get(step, 0.0) + time.perf_counter() - begun

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Notes when a block begins and ends."""
        self.started = time.perf_counter()
        try:
            yield
        finally:
            self.ended = time.perf_counter()


@dataclass(slots=True)
class Timings:
    """All timings of a start.

    Attributes:
        begun: when the start began.
        prepared: when everything was imported, registered and validated.
        root_services: when the root services were created.
        plugins: when the plugins had settled.
        ended: when the start was over.
        features: by plugin id and module id, None for plugins.
    """

    begun: float = field(default_factory=time.perf_counter)
    prepared: float | None = None
    root_services: float | None = None
    plugins: float | None = None
    ended: float | None = None
    features: dict[tuple[str, str | None], Timing] = field(default_factory=dict[tuple[str, "str | None"], Timing])

    def of(self, plugin_id: str, module_id: str | None = None) -> Timing:
        """Returns the timing of a plugin or module, new if there is none."""
        return self.features.setdefault((plugin_id, module_id), Timing())
