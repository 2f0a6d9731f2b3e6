"""Gives the commands of plugins their plugin's services, without starting a backend."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from understage.cli.target import pass_configs
from understage.plugin_api import CommandServices, core_services

ENSURE_VARIABLE = "APP_CONFIG_backend_database_ensureExists"


@asynccontextmanager
async def open_plugin_services(plugin_id: str, configs: Sequence[str]) -> AsyncIterator[CommandServices]:
    """Opens the services of a plugin, and closes its database afterwards. A missing database is not created.

    Args:
        plugin_id: whose services.
        configs: configuration files and URLs, the last one wins; by default those that a backend reads.
    """
    from understage.defaults.backend import default_service_factories
    from understage.wiring import ServiceRegistry

    pass_configs("understage", configs)
    os.environ.setdefault("LOG_LEVEL", "warn")
    os.environ.setdefault(ENSURE_VARIABLE, "false")
    registry = ServiceRegistry(default_service_factories)
    config = await registry.get(core_services.root_config)
    lifecycle = await registry.get(core_services.root_lifecycle)
    try:
        yield CommandServices(config, await registry.get(core_services.database, plugin_id))
    finally:
        await lifecycle.shutdown()
