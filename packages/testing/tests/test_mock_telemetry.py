"""The mocks of tracing and metrics."""

import pytest

from understage.plugin_api import (
    Metrics,
    Observation,
    PluginRegistrationPoints,
    TraceContext,
    Tracing,
    create_backend_plugin,
)
from understage.testing import MockMetrics, MockTracing, mock_credentials, mock_services, start_test_backend


async def test_spans_are_kept() -> None:
    """T5: the mock of the tracing service keeps spans with what was set on them, and how they ended."""
    tracing = mock_services.tracing()
    user = mock_credentials.user()
    async with tracing.start_active_span("a", attributes={"x": 1}, kind="client", credentials=user) as span:
        span.set_attribute("y", 2)
        span.set_attributes({"z": 3})
        span.add_event("halfway")
        span.record_exception(ValueError("handled"))
        span.set_status("ok")
        span.update_name("b")
        assert tracing.spans[0].state == "open"
    (kept,) = tracing.spans
    assert (kept.name, kept.kind, kept.attributes, kept.credentials) == ("b", "client", {"x": 1, "y": 2, "z": 3}, user)
    assert (kept.state, kept.status, kept.events) == ("ended", "ok", [("halfway", {})])
    assert [str(error) for error in kept.errors] == ["handled"]


def test_spans_that_fail() -> None:
    """T5: what leaves the block of a mock span is kept, and goes on."""
    tracing = MockTracing()

    def fail() -> None:
        with tracing.start_active_span("a"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert (tracing.spans[0].status, [str(error) for error in tracing.spans[0].errors]) == ("error", ["no"])


def test_contexts() -> None:
    """T5: the mock reads contexts off carriers, and gives them back as baggage."""
    tracing = MockTracing()
    context = tracing.propagation.extract({"tenant": "blue"})
    with tracing.context.use(context):
        assert tracing.context.active() == TraceContext()
    assert tracing.propagation.get_baggage(context) == {"tenant": "blue"}
    assert tracing.propagation.get_baggage(TraceContext()) == tracing.propagation.get_active_baggage() == {}


def test_measurements_are_kept() -> None:
    """T5: the mock of the metrics service keeps what instruments measure; observable ones are asked."""
    metrics = mock_services.metrics()
    counter = metrics.create_counter("c", unit="{thing}")
    counter.add(2, {"kind": "a"})
    counter.add(3, {"kind": "b"})
    assert metrics.create_counter("c") is counter
    metrics.create_up_down_counter("u").add(-1)
    metrics.create_histogram("h").record(0.5)
    metrics.create_gauge("g").set(7)
    metrics.create_observable_counter("oc", lambda: [Observation(1)])
    metrics.create_observable_up_down_counter("ou", lambda: [Observation(2)])
    metrics.create_observable_gauge("og", lambda: [Observation(3), Observation(4, {"kind": "a"})])
    assert (metrics.total("c"), metrics.total("c", {"kind": "a"}), metrics.total("og")) == (5, 2, 7)
    assert [metrics.total(name) for name in ("u", "h", "g", "oc", "ou")] == [-1, 0.5, 7, 1, 2]
    assert metrics.instruments["oc"].kind == "observable counter"
    assert (metrics.instruments["c"].unit, metrics.measurements("c")[0]) == ("{thing}", Observation(2, {"kind": "a"}))
    with pytest.raises(KeyError):
        metrics.measurements("unknown")


async def test_factories_and_defaults() -> None:
    """T5: a test backend brings both services; a test may bring its own to look into."""
    metrics, tracing = MockMetrics(), MockTracing()

    @create_backend_plugin(plugin_id="search")
    def search(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(metrics: Metrics, tracing: Tracing) -> None:
            metrics.create_counter("starts").add(1)
            with tracing.start_active_span("init"):
                pass

    async with start_test_backend(features=[search]):
        pass
    own = [mock_services.metrics.factory(metrics), mock_services.tracing.factory(tracing)]
    async with start_test_backend(features=[search, *own]):
        pass
    assert metrics.total("starts") == 1
    assert [span.name for span in tracing.spans] == ["init"]
