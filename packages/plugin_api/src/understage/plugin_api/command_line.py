"""What commands of plugins work with: `understage` finds them by the entry point group `understage.commands`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from understage.config import Config
from understage.plugin_api.services.database import DatabaseService


@dataclass(frozen=True, slots=True)
class CommandServices:
    """The services of one plugin, without a backend that runs.

    Attributes:
        config: the root configuration.
        database: the plugin's database; a command migrates nothing.
    """

    config: Config
    database: DatabaseService


OpenCommandServices = Callable[[str, Sequence[str]], AbstractAsyncContextManager[CommandServices]]
"""Opens the services of a plugin, by its id and by configuration files; a click command gets it by `click.pass_obj`."""
