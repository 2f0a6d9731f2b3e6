"""What is in a backend and how its start went, as plain data."""

from typing import Any, Literal

from msgspec import Struct, to_builtins


class Times(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """When a plugin or module started, in milliseconds since the start of the backend began.

    Attributes:
        started_ms: when it began.
        ended_ms: when it had settled.
        import_ms: what importing it took, before that.
        register_ms: what registering took, before that.
        services_ms: what getting its services took.
        modules_ms: what its modules took, of a plugin.
        init_ms: what its init took.
        hooks_ms: what its startup hooks took, of a plugin.
    """

    started_ms: float
    ended_ms: float
    import_ms: float
    register_ms: float
    services_ms: float
    modules_ms: float
    init_ms: float
    hooks_ms: float

    @property
    def total_ms(self) -> float:
        """How long it took from beginning to end."""
        return self.ended_ms - self.started_ms


class ModuleEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A module.

    Attributes:
        module_id: its id.
        location: where it was declared.
        added_at: where it was added, or which loader found it.
        provides: the extension points that it offers.
        needs_extension_points: those that its init asks for.
        needs_services: the services that its init asks for.
        waits_for: the modules that must have finished before it runs.
        failure: why it failed, as text.
        times: how long it took, if it was started.
    """

    module_id: str
    location: str | None = None
    added_at: str | None = None
    provides: tuple[str, ...]
    needs_extension_points: tuple[str, ...]
    needs_services: tuple[str, ...]
    waits_for: tuple[str, ...]
    failure: str | None = None
    times: Times | None = None


class PluginEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A plugin.

    Attributes:
        plugin_id: its id.
        location: where it was declared.
        added_at: where it was added, or which loader found it.
        provides: the extension points that it offers.
        needs_services: the services that its init asks for.
        modules: its modules.
        failure: why it failed, as text.
        times: how long it took, if it was started.
    """

    plugin_id: str
    location: str | None = None
    added_at: str | None = None
    provides: tuple[str, ...]
    needs_services: tuple[str, ...]
    modules: tuple[ModuleEntry, ...]
    failure: str | None = None
    times: Times | None = None


class ExtensionPointEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An extension point.

    Attributes:
        id: its id.
        plugin_id: the plugin that owns it.
        module_id: the module that offers it; None for the plugin itself.
        kind: whether modules share an instance, or a factory makes one for each.
        location: where it was registered.
        consumers: the modules that ask for it.
    """

    id: str
    plugin_id: str
    module_id: str | None = None
    kind: Literal["instance", "factory"]
    location: str
    consumers: tuple[str, ...]


class InstanceEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An instance of a service, or the root context of its factory.

    Attributes:
        plugin_id: the plugin that it is for; None for the backend as a whole.
        requested_by: who asked for it first.
        started_ms: when its creation began, in milliseconds since the start of the backend began.
        duration_ms: how long it took, what it needed included.
        failure: why it failed, as text.
    """

    plugin_id: str | None = None
    requested_by: str
    started_ms: float
    duration_ms: float
    failure: str | None = None


class ServiceEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A service factory.

    Attributes:
        id: the service's id.
        scope: `plugin` or `root`.
        multiton: whether several factories may provide it.
        source: how the factory came in: `default`, `explicit`, `loader`, `reference` or `built-in`.
        location: where the factory was declared.
        loader: the feature loader that found it.
        overrides: where the factory was declared that it replaced.
        needs: the services that it asks for.
        instances: what was created of it.
    """

    id: str
    scope: Literal["plugin", "root"]
    multiton: bool
    source: str
    location: str
    loader: str | None = None
    overrides: str | None = None
    needs: tuple[str, ...]
    instances: tuple[InstanceEntry, ...]


class LoaderEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A feature loader that ran.

    Attributes:
        location: where it was declared.
        duration_ms: how long it took.
        found: how many features it returned.
        ignored: services that it offered in vain, because they were added explicitly.
    """

    location: str
    duration_ms: float
    found: int
    ignored: tuple[str, ...]


class OrphanEntry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A module that was left out because its plugin is not installed."""

    plugin_id: str
    module_id: str
    location: str | None = None


class Phases(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How long the phases of the start took, in milliseconds.

    Attributes:
        prepare_ms: imports, feature loaders, registration and validation.
        root_services_ms: logger, configuration and all other root services.
        plugins_ms: all plugins, which start at once.
        total_ms: the whole start.
    """

    prepare_ms: float
    root_services_ms: float
    plugins_ms: float
    total_ms: float


class StartReport(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is in a backend, where it came from and how long it took.

    Attributes:
        outcome: `success` or `failure` of the start; None if the backend was only inspected.
        problems: what aborts the start, as text.
        phases: how long the phases took; None if the backend was only inspected.
        plugins: in the order in which they were added; those that could not even register are in `problems` or carry
            a failure.
        extension_points: in the order in which they were registered.
        services: in the order in which root services are created, then the default factories of references.
        loaders: in the order in which they ran.
        orphans: modules that were left out.
    """

    outcome: Literal["success", "failure"] | None = None
    problems: tuple[str, ...]
    phases: Phases | None = None
    plugins: tuple[PluginEntry, ...]
    extension_points: tuple[ExtensionPointEntry, ...]
    services: tuple[ServiceEntry, ...]
    loaders: tuple[LoaderEntry, ...]
    orphans: tuple[OrphanEntry, ...]

    def overrides(self) -> tuple[ServiceEntry, ...]:
        """Returns the services whose default was replaced."""
        return tuple(service for service in self.services if service.overrides is not None)

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values, keys in camel case, what is unknown left out."""
        body: dict[str, Any] = to_builtins(self)
        return body

    def lines(self) -> list[str]:
        """Returns a line of text for each plugin, the slowest first."""
        ordered = sorted(self.plugins, key=lambda plugin: -plugin.times.total_ms if plugin.times else 0.0)
        return [_line(plugin) for plugin in ordered]


def _line(plugin: PluginEntry) -> str:
    modules = f", {len(plugin.modules)} module{'s' if len(plugin.modules) != 1 else ''}" if plugin.modules else ""
    if plugin.times is None:
        return f"{plugin.plugin_id}{modules}{', failed' if plugin.failure else ''}"
    times = plugin.times
    steps = [
        ("import", times.import_ms),
        ("services", times.services_ms),
        ("modules", times.modules_ms),
        ("init", times.init_ms),
        ("hooks", times.hooks_ms),
    ]
    shown = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in steps if milliseconds >= 0.5)
    failed = ", failed" if plugin.failure else ""
    return f"{plugin.plugin_id}: {times.total_ms:.0f} ms{f' ({shown})' if shown else ''}{modules}{failed}"
