"""The map: plugins with their modules and extension points on the left, services on the right."""

from understage.wiring.draw.shapes import curve, rect, text
from understage.wiring.report.model import ModuleEntry, PluginEntry, ServiceEntry, StartReport

ROW = 24.0
MARGIN = 16.0
CARD_WIDTH = 660.0
_INDENT = 14.0


def draw_map(report: StartReport, width: float) -> tuple[list[str], float]:
    """Returns the map's elements and its height.

    Args:
        report: the report of a backend.
        width: how much room there is.
    """
    elements = [text(MARGIN, MARGIN + 8, _title(report), kind="title")]
    y = MARGIN + ROW
    for problem in report.problems:
        elements.append(rect(MARGIN, y, width - 2 * MARGIN, ROW, fill="failed", tip=problem))
        elements.append(text(MARGIN + 8, y + 16, problem.splitlines()[0], width=width - 4 * MARGIN))
        y += ROW + 6
    left = _draw_plugins(report, elements, y)
    right = _draw_services(report, elements, y, MARGIN + CARD_WIDTH + 48, width)
    return elements, max(left, right) + MARGIN


def _title(report: StartReport) -> str:
    modules = sum(len(plugin.modules) for plugin in report.plugins)
    counts = f"{len(report.plugins)} plugins, {modules} modules, {len(report.services)} services"
    if report.phases is None:
        return f"Backend: {counts}"
    outcome = "started" if report.outcome == "success" else "failed to start"
    return f"Backend: {counts}, {outcome} after {report.phases.total_ms:.0f} ms"


def _draw_plugins(report: StartReport, elements: list[str], y: float) -> float:
    consumers = {point.id: point.consumers for point in report.extension_points}
    for plugin in report.plugins:
        rows = 1 + len(plugin.provides) + sum(1 + len(module.provides) for module in plugin.modules)
        elements.append(
            rect(
                MARGIN, y, CARD_WIDTH, rows * ROW + 10, fill="failed" if plugin.failure else "plugin", tip=_tip(plugin)
            )
        )
        elements.append(text(MARGIN + 10, y + 18, plugin.plugin_id, kind="title", width=CARD_WIDTH - 120))
        elements.append(text(MARGIN + CARD_WIDTH - 10, y + 18, _time(plugin), kind="soft", anchor="end"))
        elements.extend(_draw_card(plugin, y + ROW + 2, consumers))
        y += rows * ROW + 10 + 10
    return y


def _draw_card(plugin: PluginEntry, y: float, consumers: dict[str, tuple[str, ...]]) -> list[str]:
    elements: list[str] = []
    points: dict[str, float] = {}
    modules: dict[str, float] = {}
    for point_id in plugin.provides:
        elements.extend(_draw_point(point_id, MARGIN + _INDENT, y))
        points[point_id] = y
        y += ROW
    for module in plugin.modules:
        elements.extend(_draw_module(module, y))
        modules[module.module_id] = y
        y += ROW
        for point_id in module.provides:
            elements.extend(_draw_point(point_id, MARGIN + 2 * _INDENT, y))
            points[point_id] = y
            y += ROW
    edge = MARGIN + CARD_WIDTH - _INDENT
    elements.extend(
        curve(edge, modules[module_id] + 10, edge, point_y + 10, bend=30)
        for point_id, point_y in points.items()
        for module_id in consumers.get(point_id, ())
        if module_id in modules
    )
    return elements


def _draw_module(module: ModuleEntry, y: float) -> list[str]:
    x = MARGIN + _INDENT
    width = CARD_WIDTH - 2 * _INDENT
    return [
        rect(x, y, width, ROW - 4, fill="failed" if module.failure else "module", tip=_tip(module)),
        text(x + 8, y + 14, module.module_id, width=width - 100),
        text(x + width - 8, y + 14, _time(module), kind="soft", anchor="end"),
    ]


def _draw_point(point_id: str, x: float, y: float) -> list[str]:
    width = MARGIN + CARD_WIDTH - _INDENT - x
    return [
        rect(x, y, width, ROW - 4, fill="point", tip=f"extension point {point_id}"),
        text(x + 8, y + 14, f"◇ {point_id}", width=width - 16),
    ]


def _draw_services(report: StartReport, elements: list[str], y: float, x: float, width: float) -> float:
    room = width - x - MARGIN
    for service in report.services:
        rows = 2 if service.overrides else 1
        elements.append(
            rect(
                x, y, room, rows * 18 + 6, fill=service.source.replace("built-in", "default"), tip=_service_tip(service)
            )
        )
        elements.append(text(x + 8, y + 16, service.id, width=room - 120))
        elements.append(text(x + room - 8, y + 16, _service_time(service), kind="soft", anchor="end"))
        if service.overrides:
            elements.append(text(x + 8, y + 33, f"replaces {service.overrides}", kind="soft", width=room - 16))
        y += rows * 18 + 12
    return y


def _time(entry: PluginEntry | ModuleEntry) -> str:
    if entry.failure:
        return "failed"
    return f"{entry.times.total_ms:.1f} ms" if entry.times else ""


def _service_time(service: ServiceEntry) -> str:
    if not service.instances:
        return service.scope
    slowest = max(instance.duration_ms for instance in service.instances)
    return f"{len(service.instances)} {service.scope}, {slowest:.1f} ms"


def _tip(entry: PluginEntry | ModuleEntry) -> str:
    lines = [entry.location or "", f"needs {', '.join(entry.needs_services)}" if entry.needs_services else ""]
    if isinstance(entry, ModuleEntry) and entry.needs_extension_points:
        lines.append(f"extends {', '.join(entry.needs_extension_points)}")
    return "\n".join(line for line in (*lines, entry.failure or "") if line)


def _service_tip(service: ServiceEntry) -> str:
    lines = [
        f"{service.id}: {service.scope}, {service.source}",
        service.location,
        f"needs {', '.join(service.needs)}" if service.needs else "",
    ]
    return "\n".join(line for line in lines if line)
