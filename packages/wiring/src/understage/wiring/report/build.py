"""Builds the report out of what the phases of the start left behind."""

from dataclasses import dataclass

from understage.errors.classes import describe_error
from understage.plugin_api import DependencyDeclarationError, ExtensionPoint, ServiceRef
from understage.wiring.create.creation import Creation
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.declare.records import Registration
from understage.wiring.graph.providers import Provider
from understage.wiring.report.explaining import explain
from understage.wiring.report.model import (
    ExtensionPointEntry,
    InstanceEntry,
    LoaderEntry,
    ModuleEntry,
    OrphanEntry,
    Phases,
    PluginEntry,
    ServiceEntry,
    StartReport,
    Times,
)
from understage.wiring.start.preparation import Preparation
from understage.wiring.start.results import StartResult
from understage.wiring.start.timings import Timings

Failures = dict[tuple[str, str | None], str]


@dataclass(frozen=True, slots=True)
class ReportSources:
    """What a report is built of.

    Attributes:
        preparation: what was prepared.
        registry: the services.
        timings: how long the start took.
        result: what became of the start; None if the backend was only inspected, or is still starting.
    """

    preparation: Preparation
    registry: ServiceRegistry
    timings: Timings
    result: StartResult | None


def build_report(sources: ReportSources) -> StartReport:
    """Returns the report of a backend.

    Args:
        sources: what it is built of.
    """
    preparation = sources.preparation
    consumers = _consumers(preparation)
    return StartReport(
        outcome=sources.result.outcome if sources.result else None,
        problems=tuple(explain(error) for error in preparation.errors),
        phases=_phases(sources.timings),
        plugins=_plugins(sources),
        extension_points=tuple(
            ExtensionPointEntry(
                id=point.ref.id,
                plugin_id=point.plugin_id,
                module_id=point.module_id,
                kind=point.kind,
                location=str(point.location),
                consumers=tuple(consumers.get(point.ref.id, ())),
            )
            for point in preparation.plan.extension_points.values()
        ),
        services=_services(sources),
        loaders=tuple(
            LoaderEntry(location=run.loader, duration_ms=_ms(run.seconds), found=run.found, ignored=run.ignored)
            for run in preparation.loaders
        ),
        orphans=tuple(
            OrphanEntry(plugin_id=module.plugin_id, module_id=module.module_id or "", location=_text(module.location))
            for module in preparation.plan.orphans
        ),
    )


def _consumers(preparation: Preparation) -> dict[str, list[str]]:
    consumers: dict[str, list[str]] = {}
    for plugin in preparation.plan.plugins.values():
        for module_id, module in plugin.modules.items():
            for ref in module.deps.values():
                if isinstance(ref, ExtensionPoint):
                    consumers.setdefault(ref.id, []).append(module_id)
    return consumers


def _phases(timings: Timings) -> Phases | None:
    if timings.ended is None or timings.prepared is None:
        return None
    root_services = timings.root_services or timings.prepared
    plugins = timings.plugins or root_services
    return Phases(
        prepare_ms=_ms(timings.prepared - timings.begun),
        root_services_ms=_ms(root_services - timings.prepared),
        plugins_ms=_ms(plugins - root_services),
        total_ms=_ms(timings.ended - timings.begun),
    )


def _plugins(sources: ReportSources) -> tuple[PluginEntry, ...]:
    plan = sources.preparation.plan
    failures = _failures(sources)
    modules: dict[str, list[Registration]] = {}
    plugins: list[Registration] = []
    orphans = {id(orphan) for orphan in plan.orphans}
    for registration in sources.preparation.registrations:
        if registration.module_id is None:
            plugins.append(registration)
        elif id(registration) not in orphans:
            modules.setdefault(registration.plugin_id, []).append(registration)
    entries = [
        _plugin(sources, plugin, [_module(sources, m, failures) for m in modules.get(plugin.plugin_id, ())], failures)
        for plugin in {plugin.plugin_id: plugin for plugin in plugins}.values()
    ]
    known = {entry.plugin_id for entry in entries}
    entries.extend(
        PluginEntry(plugin_id=plugin_id, provides=(), needs_services=(), modules=(), failure=text)
        for (plugin_id, module_id), text in failures.items()
        if module_id is None and plugin_id not in known
    )
    return tuple(entries)


def _failures(sources: ReportSources) -> Failures:
    failures: Failures = {
        (failure.plugin_id or "", failure.module_id): describe_error(failure.error)
        for failure in sources.preparation.failures
    }
    for plugin in sources.result.plugins if sources.result else ():
        if plugin.failure is not None:
            failures[plugin.plugin_id, None] = describe_error(plugin.failure.error)
        for module in plugin.modules:
            if module.failure is not None:
                failures[plugin.plugin_id, module.module_id] = describe_error(module.failure.error)
    return failures


def _plugin(
    sources: ReportSources, plugin: Registration, modules: list[ModuleEntry], failures: Failures
) -> PluginEntry:
    return PluginEntry(
        plugin_id=plugin.plugin_id,
        location=_text(plugin.location),
        added_at=_added_at(plugin),
        provides=tuple(point.ref.id for point in plugin.extension_points),
        needs_services=_service_ids(plugin),
        modules=tuple(modules),
        failure=failures.get((plugin.plugin_id, None)),
        times=_times(sources.timings, plugin),
    )


def _module(sources: ReportSources, module: Registration, failures: Failures) -> ModuleEntry:
    module_id = module.module_id or ""
    plan = sources.preparation.plan.plugins.get(module.plugin_id)
    return ModuleEntry(
        module_id=module_id,
        location=_text(module.location),
        added_at=_added_at(module),
        provides=tuple(point.ref.id for point in module.extension_points),
        needs_extension_points=tuple(ref.id for ref in module.deps.values() if isinstance(ref, ExtensionPoint)),
        needs_services=_service_ids(module),
        waits_for=tuple(plan.waits_for.get(module_id, ())) if plan else (),
        failure=failures.get((module.plugin_id, module_id)),
        times=_times(sources.timings, module),
    )


def _service_ids(registration: Registration) -> tuple[str, ...]:
    return tuple(ref.id for ref in registration.deps.values() if isinstance(ref, ServiceRef))


def _added_at(registration: Registration) -> str | None:
    origin = registration.origin
    return f"feature loader {origin.loader}" if origin.loader else _text(origin.added_at)


def _times(timings: Timings, registration: Registration) -> Times | None:
    timing = timings.features.get((registration.plugin_id, registration.module_id))
    if timing is None or timing.started is None or timing.ended is None:
        return None
    return Times(
        started_ms=_ms(timing.started - timings.begun),
        ended_ms=_ms(timing.ended - timings.begun),
        import_ms=_ms(registration.origin.import_seconds),
        register_ms=_ms(registration.register_seconds),
        services_ms=_ms(timing.steps.get("services", 0.0)),
        modules_ms=_ms(timing.steps.get("modules", 0.0)),
        init_ms=_ms(timing.steps.get("init", 0.0)),
        hooks_ms=_ms(timing.steps.get("hooks", 0.0)),
    )


def _services(sources: ReportSources) -> tuple[ServiceEntry, ...]:
    instances: dict[Provider, list[InstanceEntry]] = {}
    registry = sources.registry
    for provider, creation in (*registry.creations(), *registry.root_contexts()):
        instances.setdefault(provider, []).append(_instance(creation, sources.timings.begun))
    providers = (*registry.providers, *registry.providers.reference_defaults())
    return tuple(_service(provider, instances.get(provider, [])) for provider in providers)


def _service(provider: Provider, instances: list[InstanceEntry]) -> ServiceEntry:
    try:
        needs = tuple(ref.id for ref in provider.needs())
    except DependencyDeclarationError:  # it is among the problems
        needs = ()
    return ServiceEntry(
        id=provider.service.id,
        scope=provider.service.scope,
        multiton=provider.service.multiton,
        source=provider.source,
        location=str(provider.location),
        loader=provider.loader,
        overrides=str(provider.overrides.location) if provider.overrides else None,
        needs=needs,
        instances=tuple(instances),
    )


def _instance(creation: Creation, begun: float) -> InstanceEntry:
    ended = creation.ended if creation.ended is not None else creation.started
    return InstanceEntry(
        plugin_id=creation.plugin_id,
        requested_by=creation.requested_by,
        started_ms=_ms(creation.started - begun),
        duration_ms=_ms(ended - creation.started),
        failure=describe_error(creation.error) if creation.error is not None else None,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
