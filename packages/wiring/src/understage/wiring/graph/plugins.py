"""What is wrong with plugins and modules, and the order of a plugin's modules."""

from understage.plugin_api import ExtensionPoint, ServiceRef
from understage.plugin_api.references import Reference
from understage.wiring.declare.recorder import init_location
from understage.wiring.declare.records import Failure, Registration, owner_name
from understage.wiring.errors import (
    CycleLink,
    DependencyCycleError,
    ExtensionPointMisuseError,
    MissingDependencyError,
    WiringError,
)
from understage.wiring.errors.combined import combined
from understage.wiring.graph.cycles import find_cycles
from understage.wiring.graph.plan import Plan, PluginPlan
from understage.wiring.graph.providers import Provider
from understage.wiring.graph.services import ServiceChecker, errors_for


def check_plugins(plan: Plan, checker: ServiceChecker, eager: list[Provider]) -> None:
    """Takes plugins and modules out of a plan that cannot start, and orders the modules of the others.

    Args:
        plan: the plan, changed in place.
        checker: knows what is wrong with services.
        eager: plugin-scoped factories that are created for every plugin.
    """
    eager_problems = [problem for provider in eager for problem in checker.of_provider(provider)]
    for plugin in list(plan.plugins.values()):
        registration = plugin.registration
        errors = _errors_of(plan, checker, registration)
        errors += errors_for(registration.owner, registration.location, eager_problems)
        if errors:
            plan.fail(Failure(combined(errors), plugin.plugin_id))
            continue
        for module_id, module in list(plugin.modules.items()):
            errors = _errors_of(plan, checker, module)
            if errors:
                plan.fail(Failure(combined(errors), plugin.plugin_id, module_id))
        _order_modules(plan, plugin)


def _errors_of(plan: Plan, checker: ServiceChecker, registration: Registration) -> list[WiringError]:
    problems = [
        problem
        for ref in registration.deps.values()
        if isinstance(ref, ServiceRef)
        for problem in checker.of_reference(ref)
    ]
    errors = errors_for(registration.owner, init_location(registration), problems)
    points = [ref for ref in registration.deps.values() if isinstance(ref, ExtensionPoint)]
    missing: list[Reference] = [ref for ref in points if ref.id not in plan.extension_points]
    if registration.module_id is None:
        return errors + [_plugin_asks_for(registration, ref) for ref in points]
    if missing:
        errors.append(
            MissingDependencyError(registration.owner, missing, path=[_init_line(registration), *_needs(missing)])
        )
    return errors + [
        _foreign(plan, registration, ref)
        for ref in points
        if ref.id in plan.extension_points and plan.extension_points[ref.id].plugin_id != registration.plugin_id
    ]


def _init_line(registration: Registration) -> str:
    return f"the init of {registration.owner}   ({init_location(registration)})"


def _needs(refs: list[Reference]) -> list[str]:
    return [f"  needs {ref}   (created at {ref.location})" for ref in refs]


def _plugin_asks_for(registration: Registration, ref: ExtensionPoint[object]) -> WiringError:
    return ExtensionPointMisuseError(
        registration.owner,
        f"asks for {ref} in its init, but extension points are for modules only",
        ref,
        path=[_init_line(registration)],
        hint="use the instance that it registers, which its init can capture",
    )


def _foreign(plan: Plan, registration: Registration, ref: ExtensionPoint[object]) -> WiringError:
    point = plan.extension_points[ref.id]
    return ExtensionPointMisuseError(
        registration.owner,
        f"asks for {ref}, which belongs to plugin '{point.plugin_id}'",
        ref,
        path=[
            _init_line(registration),
            f"  needs {ref}   (registered by {owner_name(point.plugin_id, point.module_id)} at {point.location})",
        ],
        hint=f"make it a module of plugin '{point.plugin_id}', or let plugins talk over HTTP",
    )


def _order_modules(plan: Plan, plugin: PluginPlan) -> None:
    consumers: dict[str, list[str]] = {}
    for module_id, module in plugin.modules.items():
        for ref in module.deps.values():
            if isinstance(ref, ExtensionPoint):
                consumers.setdefault(ref.id, []).append(module_id)
    for module_id, module in plugin.modules.items():
        waits_for = [c for point in module.extension_points for c in consumers.get(point.ref.id, ())]
        if waits_for:
            plugin.waits_for[module_id] = list(dict.fromkeys(waits_for))
    cycles = find_cycles(plugin.waits_for)
    if cycles:
        plan.fail(Failure(DependencyCycleError(plugin.plugin_id, _links(plugin, cycles[0])), plugin.plugin_id))


def _links(plugin: PluginPlan, cycle: list[str]) -> list[CycleLink]:
    # Each module of the cycle waits for the next one, because that one consumes what it provides. Read backwards,
    # each needs what the next one provides, which is how people think of it.
    backwards = cycle[::-1]
    rotated = backwards[backwards.index(min(backwards)) :] + backwards[: backwards.index(min(backwards))]
    links: list[CycleLink] = []
    for position, module_id in enumerate(rotated):
        module, following = plugin.modules[module_id], plugin.modules[rotated[(position + 1) % len(rotated)]]
        preceding = plugin.modules[rotated[position - 1]]
        needed = {ref.id for ref in module.deps.values() if isinstance(ref, ExtensionPoint)}
        asked = {ref.id for ref in preceding.deps.values() if isinstance(ref, ExtensionPoint)}
        provides = next(point for point in module.extension_points if point.ref.id in asked)
        needs = next(point.ref.id for point in following.extension_points if point.ref.id in needed)
        links.append(CycleLink(module_id, provides.ref.id, provides.location, needs))
    return links
