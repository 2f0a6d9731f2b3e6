"""Which failures of plugins and modules the configuration permits."""

from dataclasses import dataclass, field
from typing import Any

from understage.config import Config
from understage.errors import InputError

CONFIG_KEY = "backend.startup"
_PLUGIN_KEY = "onPluginBootFailure"
_MODULE_KEY = "onPluginModuleBootFailure"


@dataclass(frozen=True, slots=True)
class BootFailurePolicy:
    """Which failures are permitted; by default none.

    Attributes:
        plugin_default: whether a plugin may fail.
        module_default: whether a module may fail.
        plugins: exceptions by plugin id.
        modules: exceptions by plugin id and module id.
    """

    plugin_default: bool = False
    module_default: bool = False
    plugins: dict[str, bool] = field(default_factory=dict[str, bool])
    modules: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])

    def permits(self, plugin_id: str, module_id: str | None = None) -> bool:
        """Tells whether the start goes on without this plugin, or without this module of it."""
        if module_id is None:
            return self.plugins.get(plugin_id, self.plugin_default)
        return self.modules.get((plugin_id, module_id), self.module_default)


def read_policy(config: Config | None) -> BootFailurePolicy:
    """Reads the policy from `backend.startup`, once.

    Args:
        config: the backend's configuration; without one nothing may fail.

    Raises:
        InputError: a value is neither `abort` nor `continue`, or the structure is another one.
    """
    if config is None or not config.has(CONFIG_KEY):
        return BootFailurePolicy()
    reader = _Reader(config)
    root = reader.section(config.get_optional(CONFIG_KEY), "")
    default = reader.section(root.get("default"), "default")
    policy = BootFailurePolicy(
        plugin_default=bool(reader.permission(default, "default", _PLUGIN_KEY)),
        module_default=bool(reader.permission(default, "default", _MODULE_KEY)),
    )
    for plugin_id, value in reader.section(root.get("plugins"), "plugins").items():
        path = f"plugins.{plugin_id}"
        plugin = reader.section(value, path)
        _put(policy.plugins, plugin_id, reader.permission(plugin, path, _PLUGIN_KEY))
        for module_id, module_value in reader.section(plugin.get("modules"), f"{path}.modules").items():
            module_path = f"{path}.modules.{module_id}"
            module = reader.section(module_value, module_path)
            _put(policy.modules, (plugin_id, module_id), reader.permission(module, module_path, _MODULE_KEY))
    return policy


def _put(permissions: dict[Any, bool], key: Any, value: bool | None) -> None:
    if value is not None:
        permissions[key] = value


class _Reader:
    """Reads sections and values, and names the key and its place when one is wrong."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def section(self, value: Any, path: str) -> dict[str, Any]:
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        raise self._wrong(path, "an object", value)

    def permission(self, section: dict[str, Any], path: str, key: str) -> bool | None:
        value = section.get(key)
        if value is None:
            return None
        if value in ("abort", "continue"):
            return bool(value == "continue")
        raise self._wrong(f"{path}.{key}", "'abort' or 'continue'", value)

    def _wrong(self, path: str, expected: str, value: object) -> InputError:
        segments = [*CONFIG_KEY.split("."), *(path.split(".") if path else [])]
        place = self._config.location_of(segments)
        return InputError(f"{f'{place}: ' if place else ''}{'.'.join(segments)}: expected {expected}, got {value!r}")
