"""What is to be started: the plugins that are left when everything known to be broken was taken out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from understage.wiring.declare.records import ExtensionPointRegistration, Failure, Registration, owner_name
from understage.wiring.errors import DuplicateExtensionPointError, DuplicateModuleError, DuplicatePluginError


@dataclass(slots=True)
class PluginPlan:
    """A plugin with the modules that run with it.

    Attributes:
        registration: the plugin itself.
        modules: its modules by id, in registration order; those known to fail are taken out.
        waits_for: for each module that provides extension points the modules that consume them.
    """

    registration: Registration
    modules: dict[str, Registration] = field(default_factory=dict[str, Registration])
    waits_for: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def plugin_id(self) -> str:
        """The plugin's id."""
        return self.registration.plugin_id


@dataclass(slots=True)
class Plan:
    """What is to be started.

    Attributes:
        plugins: by id, in registration order.
        extension_points: by id.
        failures: what is known to be broken already, and whom it counts against.
        orphans: modules whose plugin is not installed.
    """

    plugins: dict[str, PluginPlan] = field(default_factory=dict[str, PluginPlan])
    extension_points: dict[str, ExtensionPointRegistration] = field(
        default_factory=dict[str, ExtensionPointRegistration]
    )
    failures: list[Failure] = field(default_factory=list[Failure])
    orphans: list[Registration] = field(default_factory=list[Registration])

    def fail(self, failure: Failure) -> None:
        """Records a failure and takes out whom it counts against.

        A plugin goes with all its modules. A module whose plugin is not installed has nothing to fail.
        """
        plugin_id, module_id = failure.plugin_id, failure.module_id
        if plugin_id is None:
            self.failures.append(failure)
        elif module_id is None:
            self.failures.append(failure)
            self.plugins.pop(plugin_id, None)
            self.extension_points = {k: p for k, p in self.extension_points.items() if p.plugin_id != plugin_id}
        elif plugin_id in self.plugins:
            self.failures.append(failure)
            self.plugins[plugin_id].modules.pop(module_id, None)


def make_plan(registrations: Iterable[Registration], failures: Sequence[Failure] = ()) -> Plan:
    """Sorts registrations into a plan, and takes out duplicates and what has no plugin.

    Args:
        registrations: in the order in which the features were added.
        failures: what failed before or while it registered.
    """
    registered = list(registrations)
    plan = Plan(failures=[failure for failure in failures if failure.module_id is None])
    broken = {failure.plugin_id for failure in plan.failures}
    installed = _add_plugins(plan, [item for item in registered if item.module_id is None], broken)
    plan.failures.extend(f for f in failures if f.module_id is not None and f.plugin_id in plan.plugins)
    for registration in registered:
        if registration.plugin_id in plan.plugins:
            _add(plan, registration)
        elif registration.module_id is not None and registration.plugin_id not in installed | broken:
            plan.orphans.append(registration)
    return plan


def _add_plugins(plan: Plan, plugins: Sequence[Registration], broken: set[str | None]) -> set[str]:
    copies = Counter(plugin.plugin_id for plugin in plugins)
    for plugin in plugins:
        plugin_id = plugin.plugin_id
        if copies[plugin_id] == 1 and plugin_id not in broken:
            plan.plugins[plugin_id] = PluginPlan(plugin)
        elif copies[plugin_id] > 1 and plugin_id not in broken:
            error = DuplicatePluginError(plugin_id, [p.place() for p in plugins if p.plugin_id == plugin_id])
            plan.failures.append(Failure(error, plugin_id))
            broken.add(plugin_id)
    return set(copies)


def _add(plan: Plan, registration: Registration) -> None:
    plugin = plan.plugins[registration.plugin_id]
    module_id = registration.module_id
    if module_id is not None and module_id in plugin.modules:
        first = plugin.modules[module_id]
        error = DuplicateModuleError(plugin.plugin_id, module_id, first.place(), registration.place())
        plan.failures.append(Failure(error, plugin.plugin_id, module_id))
        return
    duplicate = _add_extension_points(plan, registration)
    if duplicate is not None:
        plan.fail(Failure(duplicate, plugin.plugin_id, module_id))
    elif module_id is not None:
        plugin.modules[module_id] = registration


def _add_extension_points(plan: Plan, registration: Registration) -> DuplicateExtensionPointError | None:
    added: list[str] = []
    for point in registration.extension_points:
        first = plan.extension_points.setdefault(point.ref.id, point)
        if first is not point:
            for point_id in added:
                del plan.extension_points[point_id]
            return DuplicateExtensionPointError(registration.owner, point.ref, _place(first), _place(point))
        added.append(point.ref.id)
    return None


def _place(point: ExtensionPointRegistration) -> str:
    return f"{owner_name(point.plugin_id, point.module_id)}   ({point.location})"
