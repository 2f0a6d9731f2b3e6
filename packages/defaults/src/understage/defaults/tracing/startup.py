"""Spans of the start: what each plugin and module took. They are made afterwards, of the start's report."""

from __future__ import annotations

import time

from understage.defaults.telemetry.switch import is_enabled
from understage.plugin_api import core_services
from understage.wiring import Backend, StartReport


async def trace_start(backend: Backend, report: StartReport) -> None:
    """Makes a span of the start that is over, with one for each plugin and module, if tracing is asked for.

    Args:
        backend: what has started.
        report: what took how long.
    """
    # What aborts a start may be that there is no configuration.
    if report.phases is None or report.problems:
        return
    config = await backend.services.get(core_services.root_config)
    if is_enabled(config, "tracing"):
        from understage.defaults.tracing.startup_spans import make_spans

        make_spans(report, report.phases.total_ms, time.time_ns())
