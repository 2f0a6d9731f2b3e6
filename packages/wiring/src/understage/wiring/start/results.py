"""What became of the start: of each plugin and module."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from understage.errors import ConflictError, serialize_error

Outcome = Literal["success", "failure"]


class StartFailure(Struct, frozen=True):
    """Why a plugin or module failed.

    Attributes:
        error: the original error.
        allowed: whether the configuration permits it.
    """

    error: BaseException
    allowed: bool

    def to_json(self) -> dict[str, Any]:
        """Returns `{"error": {"name", "message", ...}, "allowed"}`."""
        return {"error": serialize_error(self.error), "allowed": self.allowed}


class ModuleStartResult(Struct, frozen=True):
    """What became of a module.

    Attributes:
        module_id: its id.
        result_at: when that was known.
        failure: why it failed, if it did.
    """

    module_id: str
    result_at: datetime
    failure: StartFailure | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns `{"moduleId", "resultAt", "failure"?}`."""
        body: dict[str, Any] = {"moduleId": self.module_id, "resultAt": _iso(self.result_at)}
        return body if self.failure is None else {**body, "failure": self.failure.to_json()}


class PluginStartResult(Struct, frozen=True):
    """What became of a plugin.

    Attributes:
        plugin_id: its id.
        result_at: when that was known.
        modules: its modules, in order of completion.
        failure: why it failed, if it did; a failed module alone is no failure of its plugin.
    """

    plugin_id: str
    result_at: datetime
    modules: tuple[ModuleStartResult, ...] = ()
    failure: StartFailure | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns `{"pluginId", "resultAt", "modules", "failure"?}`."""
        body: dict[str, Any] = {
            "pluginId": self.plugin_id,
            "resultAt": _iso(self.result_at),
            "modules": [module.to_json() for module in self.modules],
        }
        return body if self.failure is None else {**body, "failure": self.failure.to_json()}


class StartResult(Struct, frozen=True):
    """What became of the start.

    Attributes:
        begin_at: when it began.
        result_at: when everything had settled.
        outcome: `failure` if something failed whose failure is not permitted.
        plugins: in order of completion.
    """

    begin_at: datetime
    result_at: datetime
    outcome: Outcome
    plugins: tuple[PluginStartResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns `{"beginAt", "resultAt", "outcome", "plugins"}`, times in ISO 8601."""
        return {
            "beginAt": _iso(self.begin_at),
            "resultAt": _iso(self.result_at),
            "outcome": self.outcome,
            "plugins": [plugin.to_json() for plugin in self.plugins],
        }


OnFailure = Callable[[str, str | None, StartFailure], None]


class ResultCollector:
    """Collects results while plugins start.

    Args:
        permits: tells whether the failure of a plugin, or of a module of it, is permitted.
        on_failure: told of every failure when it is recorded: plugin id, module id, failure.
    """

    def __init__(self, permits: Callable[[str, str | None], bool], on_failure: OnFailure) -> None:
        self._permits = permits
        self._on_failure = on_failure
        self._begin_at = datetime.now(UTC)
        self._plugins: dict[str, PluginStartResult] = {}
        self._modules: dict[str, list[ModuleStartResult]] = {}
        self._final: StartResult | None = None

    def plugin(self, plugin_id: str, error: BaseException | None = None) -> None:
        """Records what became of a plugin; a later failure replaces an earlier success."""
        failure = self._failure(plugin_id, None, error)
        self._plugins.pop(plugin_id, None)
        self._plugins[plugin_id] = PluginStartResult(plugin_id, datetime.now(UTC), failure=failure)

    def module(self, plugin_id: str, module_id: str, error: BaseException | None = None) -> None:
        """Records what became of a module."""
        failure = self._failure(plugin_id, module_id, error)
        results = self._modules.setdefault(plugin_id, [])
        results.append(ModuleStartResult(module_id, datetime.now(UTC), failure))

    def amend_module(self, plugin_id: str, module_id: str, error: BaseException) -> bool:
        """Makes a finished module a failed one.

        Returns:
            Whether the result could still be changed: not once it is final.

        Raises:
            ConflictError: the module has no result yet.
        """
        results = self._modules.get(plugin_id, [])
        position = next((i for i, item in enumerate(results) if item.module_id == module_id), None)
        if position is None:
            raise ConflictError(
                f"module '{module_id}' of plugin '{plugin_id}' has not finished its init, so it cannot be reported as"
                " failed yet; report it from the plugin's init on"
            )
        if self._final is not None:
            return False
        failure = self._failure(plugin_id, module_id, error)
        results[position] = ModuleStartResult(module_id, datetime.now(UTC), failure)
        return True

    def finish(self) -> StartResult:
        """Makes the result final and returns it."""
        if self._final is None:
            self._final = self._build()
        return self._final

    def _build(self) -> StartResult:
        plugins = tuple(
            PluginStartResult(
                plugin.plugin_id, plugin.result_at, tuple(self._modules.get(plugin.plugin_id, ())), plugin.failure
            )
            for plugin in self._plugins.values()
        )
        failures = [plugin.failure for plugin in plugins]
        failures.extend(module.failure for plugin in plugins for module in plugin.modules)
        failed = any(failure is not None and not failure.allowed for failure in failures)
        return StartResult(self._begin_at, datetime.now(UTC), "failure" if failed else "success", plugins)

    def _failure(self, plugin_id: str, module_id: str | None, error: BaseException | None) -> StartFailure | None:
        if error is None:
            return None
        failure = StartFailure(error, self._permits(plugin_id, module_id))
        self._on_failure(plugin_id, module_id, failure)
        return failure


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
