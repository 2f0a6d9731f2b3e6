"""The metadata services: which plugin this is, and which are installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class PluginMetadataService(Protocol):
    """Tells which plugin a service instance belongs to. Built in; it cannot be replaced."""

    @property
    def id(self) -> str:
        """The plugin's id."""
        ...


@dataclass(frozen=True, slots=True)
class InstalledModule:
    """A module of an installed plugin.

    Attributes:
        module_id: its id.
    """

    module_id: str


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """A plugin of this backend.

    Attributes:
        plugin_id: its id.
        modules: its modules.
    """

    plugin_id: str
    modules: Sequence[InstalledModule]


class RootInstanceMetadataService(Protocol):
    """Tells which plugins this backend instance holds."""

    async def get_installed_plugins(self) -> Sequence[InstalledPlugin]:
        """Returns the installed plugins with their modules, those without their plugin left out."""
        ...


@dataclass(frozen=True, slots=True)
class SystemPlugin:
    """A plugin somewhere in the installation.

    Attributes:
        plugin_id: its id.
    """

    plugin_id: str


class RootSystemMetadataService(Protocol):
    """Tells which plugins the whole installation holds: this backend's, and those that discovery knows elsewhere."""

    async def get_installed_plugins(self) -> Sequence[SystemPlugin]:
        """Returns the plugins, each once, this backend's first."""
        ...
