"""The time line: when root services, plugins and modules started, and how long each took."""

from dataclasses import dataclass

from understage.wiring.draw.shapes import rect, text, vertical
from understage.wiring.report.model import StartReport, Times

_ROW = 18.0
_MARGIN = 16.0
_LABEL_WIDTH = 260.0
_FEWEST_MS = 0.1


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the time line.

    Attributes:
        label: what it is about.
        start_ms: where the bar begins.
        parts: its parts as (colour, milliseconds), one after another.
        tip: what is shown when the pointer rests on it.
    """

    label: str
    start_ms: float
    parts: tuple[tuple[str, float], ...]
    tip: str


def draw_timeline(report: StartReport, width: float, y: float) -> tuple[list[str], float]:
    """Returns the time line's elements and where it ends; nothing if the backend was only inspected.

    Args:
        report: the report of a backend.
        width: how much room there is.
        y: where it begins.
    """
    bars = timeline_bars(report)
    if report.phases is None or not bars:
        return [], y
    scale = (width - 3 * _MARGIN - _LABEL_WIDTH) / max(report.phases.total_ms, 1.0)
    left = 2 * _MARGIN + _LABEL_WIDTH
    top = y + 2 * _ROW
    bottom = top + len(bars) * _ROW
    elements = [text(_MARGIN, y + 12, "Time line", kind="title")]
    for milliseconds in _ticks(report.phases.total_ms):
        elements.append(vertical(left + milliseconds * scale, top - 4, bottom))
        label = f"{milliseconds:g} ms"
        elements.append(text(left + milliseconds * scale, top - 8, label, kind="soft", anchor="middle"))
    for position, bar in enumerate(bars):
        row = top + position * _ROW
        elements.append(text(_MARGIN, row + 12, bar.label, width=_LABEL_WIDTH))
        x = left + bar.start_ms * scale
        for colour, milliseconds in bar.parts:
            elements.append(rect(x, row + 3, milliseconds * scale, _ROW - 7, fill=colour, kind="bar", tip=bar.tip))
            x += milliseconds * scale
    return elements, bottom


def timeline_bars(report: StartReport) -> list[Bar]:
    """Returns the rows of the time line: phases, slow root services, plugins and their modules."""
    if report.phases is None:
        return []
    phases = report.phases
    bars = [
        Bar("imports, registration", 0.0, (("import", phases.prepare_ms),), f"{phases.prepare_ms:.1f} ms"),
        *_root_services(report),
    ]
    plugins = sorted((p for p in report.plugins if p.times), key=lambda p: p.times.started_ms if p.times else 0.0)
    for plugin in plugins:
        if plugin.times is not None:
            bars.append(Bar(plugin.plugin_id, plugin.times.started_ms, _parts(plugin.times), _tip(plugin.times)))
        bars.extend(
            Bar(f"  {module.module_id}", module.times.started_ms, _parts(module.times), _tip(module.times))
            for module in plugin.modules
            if module.times is not None
        )
    return bars


def _root_services(report: StartReport) -> list[Bar]:
    bars = [
        Bar(
            service.id,
            instance.started_ms,
            (("bar", instance.duration_ms),),
            f"{instance.duration_ms:.1f} ms, asked for by {instance.requested_by}",
        )
        for service in report.services
        for instance in service.instances
        if instance.plugin_id is None and instance.duration_ms >= _FEWEST_MS
    ]
    return sorted(bars, key=lambda bar: bar.start_ms)


def _parts(times: Times) -> tuple[tuple[str, float], ...]:
    known = (
        ("services", times.services_ms),
        ("modules", times.modules_ms),
        ("bar", times.init_ms),
        ("hooks", times.hooks_ms),
    )
    return tuple((colour, milliseconds) for colour, milliseconds in known if milliseconds > 0) or (("bar", 0.0),)


def _tip(times: Times) -> str:
    return (
        f"{times.total_ms:.1f} ms: import {times.import_ms:.1f}, services {times.services_ms:.1f}, modules"
        f" {times.modules_ms:.1f}, init {times.init_ms:.1f}, hooks {times.hooks_ms:.1f}"
    )


def _ticks(total_ms: float) -> list[float]:
    step = 1.0
    while total_ms / step > 10:
        step *= 2.5 if str(step).startswith("2") else 2.0
    return [step * number for number in range(int(total_ms / step) + 1)]
