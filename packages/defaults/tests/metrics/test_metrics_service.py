"""What plugins measure."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from understage.config import config_from_data
from understage.defaults.metrics import metrics_service_factory
from understage.defaults.metrics.silent import SilentMetrics
from understage.defaults.telemetry.switch import is_enabled
from understage.plugin_api import MetricsService, Observation
from understage.testing import ServiceFactoryTester, mock_services


class Recorded:
    """What an operator's SDK records."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def scopes(self) -> list[Any]:
        data = self._reader.get_metrics_data()
        return [] if data is None else [scope for one in data.resource_metrics for scope in one.scope_metrics]

    def metrics(self) -> dict[str, Any]:
        return {metric.name: metric for scope in self.scopes() for metric in scope.metrics}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """What an operator's SDK records during the test."""
    sdk = Recorded()
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", sdk.provider)
    yield sdk
    sdk.provider.shutdown()


async def make(settings: dict[str, Any] | None = None) -> MetricsService:
    """Returns the metrics of the plugin `search`."""
    data = {"backend": {"metrics": {"enabled": True, **(settings or {})}}}
    tester = ServiceFactoryTester.from_factory(
        metrics_service_factory, dependencies=[mock_services.root_config.factory(data)]
    )
    subject: MetricsService = await tester.get_subject("search")
    return subject


def points(metric: Any) -> list[tuple[dict[str, Any], Any]]:
    return [(dict(point.attributes), getattr(point, "value", None)) for point in metric.data.data_points]


async def test_counters(recorded: Recorded) -> None:
    """S110: counters add up by their attributes; up-down counters may shrink."""
    metrics = await make()
    counter = metrics.create_counter("searches", description="what was asked", unit="{search}")
    counter.add(2, {"result": "found"})
    counter.add(3, {"result": "found"})
    counter.add(1)
    open_ones = metrics.create_up_down_counter("open")
    open_ones.add(5)
    open_ones.add(-2)
    seen = recorded.metrics()
    assert points(seen["searches"]) == [({"result": "found"}, 5), ({}, 1)]
    assert (seen["searches"].description, seen["searches"].unit) == ("what was asked", "{search}")
    assert points(seen["open"]) == [({}, 3)]
    assert [seen[name].data.is_monotonic for name in ("searches", "open")] == [True, False]


async def test_histograms_and_gauges(recorded: Recorded) -> None:
    """S110: histograms keep a distribution, gauges the last value."""
    metrics = await make()
    histogram = metrics.create_histogram("duration", unit="s")
    for value in (0.5, 1.5):
        histogram.record(value, {"kind": "full"})
    gauge = metrics.create_gauge("documents")
    gauge.set(7)
    gauge.set(4)
    seen = recorded.metrics()
    (point,) = seen["duration"].data.data_points
    assert (point.count, point.sum, dict(point.attributes)) == (2, 2.0, {"kind": "full"})
    assert points(seen["documents"]) == [({}, 4)]


async def test_observable_instruments(recorded: Recorded) -> None:
    """S110: observable instruments are asked for their values whenever these are read."""
    metrics = await make()
    now = 1

    def observe() -> list[Observation]:
        return [Observation(now, {"queue": "a"}), Observation(2 * now)]

    metrics.create_observable_counter("c", observe)
    metrics.create_observable_up_down_counter("u", observe)
    metrics.create_observable_gauge("g", observe, unit="By")
    assert {name: points(metric) for name, metric in recorded.metrics().items()} == {
        key: [({"queue": "a"}, 1), ({}, 2)] for key in ("c", "u", "g")
    }
    now = 5
    assert points(recorded.metrics()["g"]) == [({"queue": "a"}, 5), ({}, 10)]


@pytest.mark.parametrize(
    ("meter", "expected"),
    [
        ({}, ("backstage-plugin-search", "", "")),
        ({"name": "finder", "version": "2", "schemaUrl": "https://x/y"}, ("finder", "2", "https://x/y")),
    ],
)
async def test_the_meter_can_be_named(recorded: Recorded, meter: dict[str, str], expected: tuple[str, ...]) -> None:
    """S110: a plugin's meter is backstage-plugin-<id>, unless the configuration names another."""
    metrics = await make({"plugin": {"search": {"meter": meter}}})
    metrics.create_counter("x").add(1)
    (scope,) = recorded.scopes()
    assert (scope.scope.name, scope.scope.version or "", scope.scope.schema_url or "") == expected


async def test_off(recorded: Recorded) -> None:
    """S110: switched off, the same calls do nothing, and nobody is asked for values."""
    metrics = await make({"enabled": False})
    assert isinstance(metrics, SilentMetrics)

    def observe() -> list[Observation]:
        raise AssertionError

    metrics.create_counter("a").add(1)
    metrics.create_up_down_counter("b").add(-1)
    metrics.create_histogram("c").record(1)
    metrics.create_gauge("d").set(1)
    metrics.create_observable_counter("e", observe)
    metrics.create_observable_up_down_counter("f", observe)
    metrics.create_observable_gauge("g", observe)
    assert recorded.metrics() == {}


def test_when_it_is_on(recorded: Recorded) -> None:
    """S110: without a word in the configuration, metrics are on if something has set up the SDK in this process."""
    assert is_enabled(config_from_data({}), "metrics")
    assert not is_enabled(config_from_data({"backend": {"metrics": {"enabled": False}}}), "metrics")
