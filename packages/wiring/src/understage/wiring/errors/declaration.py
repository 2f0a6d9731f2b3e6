"""Errors in what was added to the backend and in what features registered."""

from collections.abc import Sequence

from understage.errors import ConflictError
from understage.plugin_api import CodeLocation, ExtensionPoint
from understage.wiring.errors.base import WiringError, at


class BackendStateError(WiringError, ConflictError):
    """The backend was asked for something that its present state does not allow."""

    name = "BackendStateError"


class InvalidFeatureError(WiringError):
    """What was added is no feature, or does not lead to one.

    Attributes:
        feature: what was added.
        location: where it was added.
    """

    name = "InvalidFeatureError"

    def __init__(
        self,
        problem: str,
        *,
        feature: object,
        location: CodeLocation | None,
        hint: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        """Draws where the feature was added."""
        super().__init__(problem, path=[f"added at {location}"] if location else [], hint=hint, cause=cause)
        self.feature = feature
        self.location = location


class PluginSelectionError(WiringError):
    """The backend shall run plugins that nobody has added.

    Attributes:
        plugin_ids: those plugins.
    """

    name = "PluginSelectionError"

    def __init__(self, plugin_ids: Sequence[str], installed: Sequence[str]) -> None:
        """Names them, and those that there are."""
        names = ", ".join(f"'{plugin_id}'" for plugin_id in plugin_ids)
        known = ", ".join(f"'{plugin_id}'" for plugin_id in installed) or "none"
        super().__init__(
            f"the backend has no plugin {names}", hint=f"add it with backend.add(), or choose from: {known}"
        )
        self.plugin_ids = tuple(plugin_ids)


class RegistrationCallError(WiringError):
    """The `register` function of a feature raised: its state is unknown, so the start is aborted.

    Attributes:
        owner: the plugin or module, as messages name it.
    """

    name = "RegistrationCallError"

    def __init__(self, owner: str, location: CodeLocation | None, cause: BaseException) -> None:
        """Names the feature and keeps the cause."""
        super().__init__(f"{owner} raised while it registered{at(location)}", cause=cause)
        self.owner = owner


class RegistrationError(WiringError):
    """A plugin or module registered in a way that cannot work; counts as its failure.

    Attributes:
        owner: the plugin or module, as messages name it.
        location: where it was declared.
    """

    name = "RegistrationError"

    def __init__(
        self,
        owner: str,
        problem: str,
        *,
        location: CodeLocation | None,
        path: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        """Puts owner and place before the problem."""
        super().__init__(
            f"{owner} {problem}", path=path or ([f"declared at {location}"] if location else []), hint=hint
        )
        self.owner = owner
        self.location = location


class DuplicatePluginError(WiringError, ConflictError):
    """The same plugin id was added more than once, so none of the copies runs.

    Attributes:
        plugin_id: the id.
        locations: where the copies were declared or added.
    """

    name = "DuplicatePluginError"

    def __init__(self, plugin_id: str, locations: Sequence[str]) -> None:
        """Draws every copy."""
        super().__init__(
            f"plugin '{plugin_id}' was added {len(locations)} times, so no copy of it runs",
            path=locations,
            hint="add it once; what differs between the copies belongs into options or modules",
        )
        self.plugin_id = plugin_id
        self.locations = tuple(locations)


class DuplicateModuleError(WiringError, ConflictError):
    """The same module id was added again to a plugin; the first copy runs.

    Attributes:
        plugin_id: the plugin's id.
        module_id: the module's id.
    """

    name = "DuplicateModuleError"

    def __init__(self, plugin_id: str, module_id: str, first: str, second: str) -> None:
        """Draws both copies."""
        super().__init__(
            f"module '{module_id}' of plugin '{plugin_id}' was added again; only the first copy runs",
            path=[f"first   {first}", f"second  {second}"],
            hint="add it once, or give the other one a module id of its own",
        )
        self.plugin_id = plugin_id
        self.module_id = module_id


class DuplicateExtensionPointError(WiringError, ConflictError):
    """An extension point is offered twice; the second to do so fails.

    Attributes:
        extension_point: its reference.
    """

    name = "DuplicateExtensionPointError"

    def __init__(self, owner: str, extension_point: ExtensionPoint[object], first: str, second: str) -> None:
        """Draws both registrations."""
        super().__init__(
            f"{owner} registers {extension_point}, which is registered already",
            path=[f"first   {first}", f"second  {second}"],
            hint="extension point ids are unique in a backend: <pluginId>.<name>",
        )
        self.extension_point = extension_point
