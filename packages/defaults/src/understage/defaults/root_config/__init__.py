"""The root config service: the backend's configuration."""

import sys
from collections.abc import Sequence
from pathlib import Path

from understage.config import Config, ConfigSchema, LoadOptions, RemoteConfig
from understage.defaults.root_config.loading import load_root_config, schema_of
from understage.defaults.root_config.watch import root_config_watch_service_factory
from understage.plugin_api import ServiceFactory, core_services, create_service_factory

__all__ = ["root_config_service_factory", "root_config_watch_service_factory", "schema_of"]


def root_config_service_factory(
    *,
    argv: Sequence[str] | None = None,
    root_dir: str | Path = ".",
    remote: RemoteConfig | None = None,
    schema: ConfigSchema | None = None,
    watch: bool = True,
) -> ServiceFactory[Config]:
    """Loads `app-config.yaml` and its companions, or what `--config` arguments name, and the environment's overrides.

    Args:
        argv: a command line to read `--config` arguments from; by default that of the process.
        root_dir: the folder that holds `app-config.yaml`.
        remote: lets `--config` name http and https addresses, which are fetched again now and then.
        schema: what the configuration must look like; by default what the installed packages declare.
        watch: whether changes of the sources apply while the backend runs.
    """

    @create_service_factory(service=core_services.root_config)
    async def factory() -> Config:
        arguments = sys.argv[1:] if argv is None else argv
        options = LoadOptions(root_dir=root_dir, argv=arguments, remote=remote, schema=schema)
        return await load_root_config(options, watch=watch)

    return factory
