"""Makes the spans of a start out of its report. Imported only if they are asked for."""

from __future__ import annotations

from opentelemetry import context, trace

from understage.defaults.tracing.spans import PLUGIN_ID, framework_tracer
from understage.plugin_api import AttributeValue
from understage.wiring.report.model import ModuleEntry, PluginEntry, StartReport

MODULE_ID = "understage.module.id"
_NANOSECONDS = 1_000_000


def make_spans(report: StartReport, total_ms: float, ended: int) -> None:
    """Makes a span of the whole, within it one of each plugin, within that one of each of its modules.

    Args:
        report: what took how long.
        total_ms: the whole start, in milliseconds.
        ended: when it was over, in nanoseconds since 1970.
    """
    tracer = framework_tracer()
    begun = ended - int(total_ms * _NANOSECONDS)
    whole = tracer.start_span("start", context.Context(), start_time=begun)
    if report.outcome == "failure":
        whole.set_status(trace.StatusCode.ERROR)
    for plugin in report.plugins:
        started = _make(tracer, whole, f"start {plugin.plugin_id}", plugin, begun, {PLUGIN_ID: plugin.plugin_id})
        for module in plugin.modules if started else ():
            name = f"start {plugin.plugin_id} {module.module_id}"
            ids: dict[str, AttributeValue] = {PLUGIN_ID: plugin.plugin_id, MODULE_ID: module.module_id}
            _make(tracer, started or whole, name, module, begun, ids)
    whole.end(ended)


def _make(
    tracer: trace.Tracer,
    parent: trace.Span,
    name: str,
    entry: PluginEntry | ModuleEntry,
    begun: int,
    attributes: dict[str, AttributeValue],
) -> trace.Span | None:
    if entry.times is None:
        return None
    span = tracer.start_span(
        name,
        trace.set_span_in_context(parent, context.Context()),
        attributes=attributes,
        start_time=begun + int(entry.times.started_ms * _NANOSECONDS),
    )
    if entry.failure is not None:
        span.set_status(trace.StatusCode.ERROR, entry.failure)
    span.end(begun + int(entry.times.ended_ms * _NANOSECONDS))
    return span
