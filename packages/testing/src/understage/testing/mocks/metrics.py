"""Metrics for tests: keeps what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from understage.plugin_api import Attributes, AttributeValue, Observation, Observe


@dataclass(slots=True)
class MockInstrument:
    """An instrument that was made.

    Attributes:
        name: its name.
        kind: what it is, such as `counter` or `observable gauge`.
        unit: its unit.
        measurements: what was added, recorded or set, in order.
    """

    name: str
    kind: str
    unit: str = ""
    measurements: list[Observation] = field(default_factory=list[Observation])

    def add(self, amount: int | float, attributes: Attributes | None = None) -> None:
        """Keeps what is added."""
        self.measurements.append(Observation(amount, attributes))

    def record(self, value: int | float, attributes: Attributes | None = None) -> None:
        """Keeps what is recorded."""
        self.measurements.append(Observation(value, attributes))

    def set(self, value: int | float, attributes: Attributes | None = None) -> None:
        """Keeps what is set."""
        self.measurements.append(Observation(value, attributes))


class MockMetrics:
    """Keeps the instruments that a plugin makes, and what they measure.

    Attributes:
        instruments: those that were made, by name.
    """

    def __init__(self) -> None:
        self.instruments: dict[str, MockInstrument] = {}
        self._observed: dict[str, Observe] = {}

    def measurements(self, name: str) -> list[Observation]:
        """Returns what an instrument has measured; an observable one is asked now.

        Args:
            name: the instrument.

        Raises:
            KeyError: there is none of this name.
        """
        if name in self._observed:
            return list(self._observed[name]())
        return self.instruments[name].measurements

    def total(self, name: str, attributes: Mapping[str, AttributeValue] | None = None) -> int | float:
        """Returns the sum of what an instrument has measured.

        Args:
            name: the instrument.
            attributes: only measurements that have these.

        Raises:
            KeyError: there is none of this name.
        """
        wanted = (attributes or {}).items()
        return sum(one.value for one in self.measurements(name) if wanted <= dict(one.attributes or {}).items())

    def create_counter(self, name: str, *, description: str = "", unit: str = "") -> MockInstrument:
        """Makes a counter."""
        return self._make(name, "counter", unit)

    def create_up_down_counter(self, name: str, *, description: str = "", unit: str = "") -> MockInstrument:
        """Makes a counter that may shrink."""
        return self._make(name, "up-down counter", unit)

    def create_histogram(self, name: str, *, description: str = "", unit: str = "") -> MockInstrument:
        """Makes a histogram."""
        return self._make(name, "histogram", unit)

    def create_gauge(self, name: str, *, description: str = "", unit: str = "") -> MockInstrument:
        """Makes a gauge."""
        return self._make(name, "gauge", unit)

    def create_observable_counter(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Makes a counter that is asked for its values."""
        self._make(name, "observable counter", unit, observe)

    def create_observable_up_down_counter(
        self, name: str, observe: Observe, *, description: str = "", unit: str = ""
    ) -> None:
        """Makes a counter that may shrink and is asked for its values."""
        self._make(name, "observable up-down counter", unit, observe)

    def create_observable_gauge(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Makes a gauge that is asked for its values."""
        self._make(name, "observable gauge", unit, observe)

    def _make(self, name: str, kind: str, unit: str, observe: Observe | None = None) -> MockInstrument:
        if observe is not None:
            self._observed[name] = observe
        return self.instruments.setdefault(name, MockInstrument(name, kind, unit))
