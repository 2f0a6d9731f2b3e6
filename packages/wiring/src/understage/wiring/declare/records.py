"""What is known of a feature after it was resolved and has registered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from understage.plugin_api import (
    BackendFeature,
    CodeLocation,
    ExtensionPoint,
    ExtensionPointContext,
    ModuleFeature,
    PluginFeature,
)
from understage.plugin_api.references import Reference
from understage.plugin_api.registration import Init


@dataclass(frozen=True, slots=True)
class Origin:
    """How a feature came into the backend.

    Attributes:
        added_at: where `backend.add` was called, or where the loader was declared that found it.
        name: the text that it was added as, such as `understage.catalog`, if it was.
        loader: the place of the feature loader that found it, if one did.
        import_seconds: how long importing it took; 0 if it was imported already.
    """

    added_at: CodeLocation | None = None
    name: str | None = None
    loader: str | None = None
    import_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ResolvedFeature:
    """A feature, with how it came in."""

    feature: BackendFeature
    origin: Origin


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, and whom it counts against.

    Attributes:
        error: what went wrong.
        plugin_id: the plugin that fails, or whose module does; None if nobody can be named, which aborts the start.
        module_id: the module that fails.
    """

    error: BaseException
    plugin_id: str | None = None
    module_id: str | None = None


@dataclass(slots=True)
class ExtensionPointRegistration:
    """An extension point that a plugin or module offers.

    Attributes:
        ref: its reference.
        kind: one instance for all consumers, or a factory that is called for each.
        build: returns the instance for a consuming module.
        location: where it was registered.
        plugin_id: the plugin that owns it.
        module_id: the module that registered it; None for the plugin itself.
    """

    ref: ExtensionPoint[Any]
    kind: Literal["instance", "factory"]
    build: Callable[[ExtensionPointContext], Any]
    location: CodeLocation
    plugin_id: str
    module_id: str | None


@dataclass(slots=True)
class Registration:
    """What a plugin or module has registered.

    Attributes:
        feature: the plugin or module.
        origin: how it came in.
        plugin_id: its plugin's id.
        module_id: its own id if it is a module.
        extension_points: what it offers, in order.
        init: its init function.
        deps: what its init asks for, by parameter name.
        register_seconds: how long its `register` took.
    """

    feature: PluginFeature | ModuleFeature
    origin: Origin
    plugin_id: str
    module_id: str | None
    extension_points: list[ExtensionPointRegistration] = field(default_factory=list[ExtensionPointRegistration])
    init: Init | None = None
    deps: Mapping[str, Reference] = field(default_factory=dict[str, Reference])
    register_seconds: float = 0.0

    @property
    def owner(self) -> str:
        """The plugin or module as messages name it."""
        return owner_name(self.plugin_id, self.module_id)

    @property
    def location(self) -> CodeLocation | None:
        """Where it was declared, or else where it was added."""
        return self.feature.location or self.origin.added_at

    def place(self) -> str:
        """Returns the owner and its place, as a drawn line shows it."""
        return f"{self.owner}   ({self.location})" if self.location else self.owner


def owner_name(plugin_id: str, module_id: str | None) -> str:
    """Returns a plugin or module as messages name it."""
    return f"plugin '{plugin_id}'" if module_id is None else f"module '{module_id}' of plugin '{plugin_id}'"
