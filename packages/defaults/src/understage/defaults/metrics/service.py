"""Metrics on OpenTelemetry. Imported only if they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry import metrics

from understage.defaults.telemetry.scope import InstrumentationScope
from understage.plugin_api import Attributes, Counter, Gauge, Histogram, Observe, UpDownCounter


class OpenTelemetryMetrics:
    """Makes a plugin's instruments on a meter of its own.

    Args:
        scope: the meter.
        provider: makes meters; by default whatever the process has set up.
    """

    def __init__(self, scope: InstrumentationScope, provider: metrics.MeterProvider | None = None) -> None:
        source = provider or metrics.get_meter_provider()
        self._meter = source.get_meter(scope.name, scope.version, scope.schema_url)

    def create_counter(self, name: str, *, description: str = "", unit: str = "") -> Counter:
        """Makes a counter."""
        return self._meter.create_counter(name, unit, description)

    def create_up_down_counter(self, name: str, *, description: str = "", unit: str = "") -> UpDownCounter:
        """Makes a counter that may shrink."""
        return self._meter.create_up_down_counter(name, unit, description)

    def create_histogram(self, name: str, *, description: str = "", unit: str = "") -> Histogram:
        """Makes a histogram."""
        return _Histogram(self._meter.create_histogram(name, unit, description))

    def create_gauge(self, name: str, *, description: str = "", unit: str = "") -> Gauge:
        """Makes a gauge."""
        return _Gauge(self._meter.create_gauge(name, unit, description))

    def create_observable_counter(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Makes a counter that is asked for its values."""
        self._meter.create_observable_counter(name, [_callback(observe)], unit, description)

    def create_observable_up_down_counter(
        self, name: str, observe: Observe, *, description: str = "", unit: str = ""
    ) -> None:
        """Makes a counter that may shrink and is asked for its values."""
        self._meter.create_observable_up_down_counter(name, [_callback(observe)], unit, description)

    def create_observable_gauge(self, name: str, observe: Observe, *, description: str = "", unit: str = "") -> None:
        """Makes a gauge that is asked for its values."""
        self._meter.create_observable_gauge(name, [_callback(observe)], unit, description)


class _Histogram:
    def __init__(self, inner: metrics.Histogram) -> None:
        self._inner = inner

    def record(self, value: int | float, attributes: Attributes | None = None) -> None:
        self._inner.record(value, attributes)


class _Gauge:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def set(self, value: int | float, attributes: Attributes | None = None) -> None:
        self._inner.set(value, attributes)


def _callback(observe: Observe) -> Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]:
    def observed(options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        return [metrics.Observation(one.value, one.attributes) for one in observe()]

    return observed
