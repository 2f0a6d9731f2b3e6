"""Keeps the backend's configuration live while the backend runs."""

from __future__ import annotations

from understage.config import Config, ConfigWatcher
from understage.defaults.root_config.loading import loaded_root_config
from understage.plugin_api import RootConfig, RootLifecycle, RootLogger, create_service_factory, create_service_ref


class ConfigWatch:
    """Reports what looks wrong in the configuration, and reloads it when its sources change.

    It is a service of its own because the configuration comes first of all services: it cannot depend on the logger
    and the lifecycle, which depend on it.

    Args:
        watcher: what to start and stop; None for a configuration that does not change.
    """

    def __init__(self, watcher: ConfigWatcher | None) -> None:
        self._watcher = watcher

    @property
    def is_active(self) -> bool:
        """Whether changes of the configuration's sources are followed."""
        return self._watcher is not None

    async def start(self) -> None:
        """Begins to watch."""
        if self._watcher is not None:
            await self._watcher.start()

    async def stop(self) -> None:
        """Stops watching."""
        if self._watcher is not None:
            await self._watcher.stop()


root_config_watch_ref = create_service_ref(ConfigWatch, id="core.rootConfigWatch", scope="root")


@create_service_factory(service=root_config_watch_ref)
def root_config_watch_service_factory(config: RootConfig, logger: RootLogger, lifecycle: RootLifecycle) -> ConfigWatch:
    """Watches the sources of the configuration between start and stop of the backend."""
    for text in config_warnings(config):
        logger.warning(text, type="config")
    known = loaded_root_config(config)
    watch = ConfigWatch(known.loaded.watch() if known is not None and known.watch else None)
    lifecycle.add_startup_hook(watch.start)
    lifecycle.add_shutdown_hook(watch.stop)
    return watch


def config_warnings(config: Config) -> list[str]:
    """Returns what looks wrong in a configuration, such as keys that no schema knows, each with file and line."""
    known = loaded_root_config(config)
    return [str(problem) for problem in known.loaded.warnings] if known is not None else []
