"""A report as a page that needs nothing but itself."""

from collections.abc import Iterable
from html import escape

from understage.wiring.draw.svg import picture
from understage.wiring.report.model import ServiceEntry, StartReport

_STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,sans-serif;margin:24px auto;max-width:1200px;padding:0 16px}
svg{max-width:100%;height:auto}
table{border-collapse:collapse;width:100%;margin:8px 0 24px}
th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid #8884;vertical-align:top}
td,code,pre{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px}
td.number{text-align:right}
pre{white-space:pre-wrap;border-left:4px solid #d33;padding-left:12px}
"""


def html_page(report: StartReport) -> str:
    """Returns a report as an HTML document: the picture, and tables of everything in it.

    Args:
        report: the report of a backend.
    """
    problems = "".join(f"<pre>{escape(problem)}</pre>" for problem in _problems(report))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Backend</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>Backend</h1>\n{problems}{picture(report)}"
        f"{_legend()}<h2>Plugins</h2>{_plugins(report)}<h2>Extension points</h2>{_points(report)}"
        f"<h2>Replaced services</h2>{_overrides(report)}<h2>Services</h2>{_services(report)}"
        f"{_others(report)}</body></html>\n"
    )


def _problems(report: StartReport) -> list[str]:
    problems = list(report.problems)
    for plugin in report.plugins:
        if plugin.failure:
            problems.append(plugin.failure)
        problems.extend(module.failure for module in plugin.modules if module.failure)
    return problems


def _legend() -> str:
    return (
        "<p>Services: grey is a default of the backend, blue was added, green was found by a feature loader, violet is"
        " the default of its reference. Time line: yellow is waiting for services, green for modules, blue the init,"
        " violet the startup hooks. Rest the pointer on anything to see more.</p>"
    )


def _plugins(report: StartReport) -> str:
    rows: list[tuple[str, ...]] = []
    for plugin in report.plugins:
        time = f"{plugin.times.total_ms:.1f}" if plugin.times else ""
        needs = ", ".join(plugin.needs_services)
        rows.append((plugin.plugin_id, "", time, needs, plugin.location or "", plugin.added_at or ""))
        for module in plugin.modules:
            time = f"{module.times.total_ms:.1f}" if module.times else ""
            needs = ", ".join((*module.needs_extension_points, *module.needs_services))
            rows.append((plugin.plugin_id, module.module_id, time, needs, module.location or "", module.added_at or ""))
    return _table(("plugin", "module", "ms", "needs", "declared at", "added at"), rows)


def _points(report: StartReport) -> str:
    rows = (
        (point.id, point.module_id or point.plugin_id, point.kind, ", ".join(point.consumers), point.location)
        for point in report.extension_points
    )
    return _table(("extension point", "offered by", "kind", "used by", "registered at"), rows)


def _overrides(report: StartReport) -> str:
    rows = ((service.id, service.location, service.overrides or "") for service in report.overrides())
    return _table(("service", "provided at", "instead of"), rows)


def _services(report: StartReport) -> str:
    return _table(
        ("service", "scope", "source", "instances", "slowest ms", "first asked for by", "needs", "provided at"),
        (_service_row(service) for service in report.services),
    )


def _service_row(service: ServiceEntry) -> tuple[str, ...]:
    slowest = max((instance.duration_ms for instance in service.instances), default=None)
    return (
        service.id,
        f"{service.scope}, multiton" if service.multiton else service.scope,
        service.source,
        str(len(service.instances)),
        "" if slowest is None else f"{slowest:.1f}",
        service.instances[0].requested_by if service.instances else "",
        ", ".join(service.needs),
        service.location,
    )


def _others(report: StartReport) -> str:
    parts: list[str] = []
    if report.loaders:
        rows = ((r.location, str(r.found), ", ".join(r.ignored), f"{r.duration_ms:.1f}") for r in report.loaders)
        parts.append("<h2>Feature loaders</h2>" + _table(("declared at", "found", "ignored", "ms"), rows))
    if report.orphans:
        orphans = ((o.plugin_id, o.module_id, o.location or "") for o in report.orphans)
        parts.append("<h2>Left out: no such plugin</h2>" + _table(("plugin", "module", "declared at"), orphans))
    return "".join(parts)


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    if not body:
        return "<p>none</p>\n"
    return "<table><tr>" + "".join(f"<th>{heading}</th>" for heading in headings) + f"</tr>\n{body}</table>\n"
