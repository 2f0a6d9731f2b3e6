"""The metrics service: numbers that tell how a plugin is doing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from understage.plugin_api.services.tracing import Attributes


@dataclass(frozen=True, slots=True)
class Observation:
    """A value that was observed.

    Attributes:
        value: the value.
        attributes: what it is the value of.
    """

    value: int | float
    attributes: Attributes | None = None


Observe: TypeAlias = Callable[[], Iterable[Observation]]


class Counter(Protocol):
    """A number that only grows."""

    def add(self, amount: int | float, attributes: Attributes | None = None) -> None:
        """Adds to it.

        Args:
            amount: how much, not below 0.
            attributes: what it is counted by.
        """
        ...


class UpDownCounter(Protocol):
    """A number that grows and shrinks."""

    def add(self, amount: int | float, attributes: Attributes | None = None) -> None:
        """Adds to it, or takes away.

        Args:
            amount: how much; below 0 to take away.
            attributes: what it is counted by.
        """
        ...


class Histogram(Protocol):
    """Values whose distribution matters."""

    def record(self, value: int | float, attributes: Attributes | None = None) -> None:
        """Adds a value.

        Args:
            value: the value, not below 0.
            attributes: what it is kept apart by.
        """
        ...


class Gauge(Protocol):
    """A value as it is at the moment."""

    def set(self, value: int | float, attributes: Attributes | None = None) -> None:
        """Sets the value.

        Args:
            value: the value.
            attributes: what it is kept apart by.
        """
        ...


class MetricsService(Protocol):
    """Makes the instruments of a plugin; make each once. Without metrics they do nothing.

    The observable ones ask a function for their values whenever these are read, which may happen in another thread.
    """

    def create_counter(self, name: str, *, description: str = "", unit: str = "") -> Counter:
        """Makes a counter.

        Args:
            name: its name, in lower case with dots.
            description: what it counts.
            unit: its unit, such as `s` or `{request}`.
        """
        ...

    def create_up_down_counter(self, name: str, *, description: str = "", unit: str = "") -> UpDownCounter:
        """Makes a counter that may shrink; the arguments as there."""
        ...

    def create_histogram(self, name: str, *, description: str = "", unit: str = "") -> Histogram:
        """Makes a histogram; the arguments as there."""
        ...

    def create_gauge(self, name: str, *, description: str = "", unit: str = "") -> Gauge:
        """Makes a gauge; the arguments as there."""
        ...

    def create_observable_counter(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Makes a counter that is asked for its values.

        Args:
            name: its name.
            observe: returns the values, each with other attributes; it must be quick.
            description: what it counts.
            unit: its unit.
        """
        ...

    def create_observable_up_down_counter(
        self, name: str, observe: Observe, *, description: str = "", unit: str = ""
    ) -> None:
        """Makes a counter that may shrink and is asked for its values; the arguments as there."""
        ...

    def create_observable_gauge(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Makes a gauge that is asked for its values; the arguments as there."""
        ...
