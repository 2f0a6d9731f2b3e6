"""Metrics that nobody looks at."""

from __future__ import annotations

from understage.plugin_api import Attributes, Observe


class SilentInstrument:
    """Takes values and does nothing with them."""

    __slots__ = ()

    def add(self, amount: int | float, attributes: Attributes | None = None) -> None:
        """Does nothing."""

    def record(self, value: int | float, attributes: Attributes | None = None) -> None:
        """Does nothing."""

    def set(self, value: int | float, attributes: Attributes | None = None) -> None:
        """Does nothing."""


_INSTRUMENT = SilentInstrument()


class SilentMetrics:
    """Makes instruments that do nothing, and never asks the observable ones."""

    def create_counter(self, name: str, *, description: str = "", unit: str = "") -> SilentInstrument:
        """Returns an instrument that does nothing."""
        return _INSTRUMENT

    def create_up_down_counter(self, name: str, *, description: str = "", unit: str = "") -> SilentInstrument:
        """Returns an instrument that does nothing."""
        return _INSTRUMENT

    def create_histogram(self, name: str, *, description: str = "", unit: str = "") -> SilentInstrument:
        """Returns an instrument that does nothing."""
        return _INSTRUMENT

    def create_gauge(self, name: str, *, description: str = "", unit: str = "") -> SilentInstrument:
        """Returns an instrument that does nothing."""
        return _INSTRUMENT

    def create_observable_counter(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Does nothing."""

    def create_observable_up_down_counter(
        self, name: str, observe: Observe, *, description: str = "", unit: str = ""
    ) -> None:
        """Does nothing."""

    def create_observable_gauge(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Does nothing."""
