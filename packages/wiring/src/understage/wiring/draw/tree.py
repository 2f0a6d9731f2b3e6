"""A report as a tree of text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from understage.wiring.report.model import ModuleEntry, PluginEntry, ServiceEntry, StartReport


@dataclass(slots=True)
class Branch:
    """A line of the tree, with what hangs below it.

    Attributes:
        label: the line.
        children: the branches below.
    """

    label: str
    children: list["Branch"] = field(default_factory=list["Branch"])


def text_tree(report: StartReport) -> str:
    """Returns a report as lines of text, ending with a line break.

    Args:
        report: the report of a backend.
    """
    root = Branch(_heading(report))
    root.children.extend(_plugin(report, plugin) for plugin in report.plugins)
    if report.services:
        root.children.append(Branch("services", [_service(service) for service in report.services]))
    if report.loaders:
        loaders = [
            Branch(f"{loader.location}   found {loader.found}{_listed(', ignored ', loader.ignored)}")
            for loader in report.loaders
        ]
        root.children.append(Branch("feature loaders", loaders))
    if report.orphans:
        orphans = [
            Branch(f"module {orphan.module_id} of {orphan.plugin_id}{_at(orphan.location)}")
            for orphan in report.orphans
        ]
        root.children.append(Branch("left out, as their plugin is not installed", orphans))
    root.children.extend(
        Branch(f"problem: {first}", [Branch(line) for line in rest])
        for first, *rest in map(str.splitlines, report.problems)
    )
    return "\n".join([root.label, *_drawn(root.children, "")]) + "\n"


def _heading(report: StartReport) -> str:
    if report.phases is None:
        return "backend"
    outcome = "started" if report.outcome == "success" else "failed to start"
    return f"backend   {outcome} after {report.phases.total_ms:.0f} ms"


def _plugin(report: StartReport, plugin: PluginEntry) -> Branch:
    time = f"   {plugin.times.total_ms:.0f} ms" if plugin.times else ""
    branch = Branch(f"plugin {plugin.plugin_id}{time}{_at(plugin.location)}", _failure(plugin.failure))
    if plugin.needs_services:
        branch.children.append(Branch(f"needs {', '.join(plugin.needs_services)}"))
    for point in report.extension_points:
        if point.plugin_id == plugin.plugin_id and point.module_id is None:
            used = _listed("   used by ", point.consumers) or "   not used"
            branch.children.append(Branch(f"extension point {point.id}{used}"))
    branch.children.extend(_module(module) for module in plugin.modules)
    return branch


def _module(module: ModuleEntry) -> Branch:
    time = f"   {module.times.total_ms:.0f} ms" if module.times else ""
    branch = Branch(f"module {module.module_id}{time}{_at(module.location)}", _failure(module.failure))
    needs = (*module.needs_extension_points, *module.needs_services)
    if needs:
        branch.children.append(Branch(f"needs {', '.join(needs)}"))
    if module.provides:
        branch.children.append(Branch(f"extension points {', '.join(module.provides)}"))
    if module.waits_for:
        branch.children.append(Branch(f"waits for {', '.join(module.waits_for)}"))
    return branch


def _service(service: ServiceEntry) -> Branch:
    kind = f"{service.scope}, multiton" if service.multiton else service.scope
    replaced = f"   replaces the default at {service.overrides}" if service.overrides else ""
    count = len(service.instances)
    instances = f"   {count} instance{'s' if count != 1 else ''}" if count else ""
    slowest = max((instance.duration_ms for instance in service.instances), default=0.0)
    time = f", slowest {slowest:.0f} ms" if slowest >= 1 else ""
    return Branch(f"{service.id}   {kind}, {service.source}{_at(service.location)}{instances}{time}{replaced}")


def _failure(text: str | None) -> list[Branch]:
    if text is None:
        return []
    first, *rest = text.splitlines()
    return [Branch(f"failed: {first}", [Branch(line.strip()) for line in rest])]


def _at(location: str | None) -> str:
    return f"   ({location})" if location else ""


def _listed(prefix: str, items: Sequence[str]) -> str:
    return f"{prefix}{', '.join(items)}" if items else ""


def _drawn(branches: Sequence[Branch], indent: str) -> list[str]:
    lines: list[str] = []
    for position, branch in enumerate(branches):
        last = position == len(branches) - 1
        lines.append(f"{indent}{'└─' if last else '├─'} {branch.label}")
        lines.extend(_drawn(branch.children, f"{indent}{'   ' if last else '│  '}"))
    return lines
