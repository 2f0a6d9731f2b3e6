"""Takes a backend through its stop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from understage.plugin_api import LoggerService, core_services
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.start.lifecycles import existing_root_lifecycle


async def shut_down(registry: ServiceRegistry, plugin_ids: Iterable[str], logger: LoggerService) -> None:
    """Runs root before-shutdown hooks, then all plugins' shutdown hooks at once, then root shutdown hooks.

    Each phase runs even if one before it failed. Services that the start did not create are left alone.

    Args:
        registry: the services.
        plugin_ids: the plugins that were to be started.
        logger: told of plugins that fail to shut down.

    Raises:
        ExceptionGroup: phases of the root lifecycle failed.
    """
    errors: list[Exception] = []
    root = existing_root_lifecycle(registry)
    if root is not None:
        await _collect(root.before_shutdown, errors)
    await asyncio.gather(*(_shut_down_plugin(registry, plugin_id, logger) for plugin_id in plugin_ids))
    if root is not None:
        await _collect(root.shutdown, errors)
    if errors:
        raise ExceptionGroup("the backend did not stop cleanly", errors)


async def _shut_down_plugin(registry: ServiceRegistry, plugin_id: str, logger: LoggerService) -> None:
    lifecycle = registry.existing(core_services.lifecycle, plugin_id)
    if lifecycle is None:
        return
    try:
        await lifecycle.shutdown()
    except Exception as error:  # noqa: BLE001 - the other plugins and the root must still shut down
        message = f"Plugin '{plugin_id}' failed to shut down"
        logger.error(message, plugin=plugin_id, error=error)


async def _collect(phase: Callable[[], Awaitable[None]], errors: list[Exception]) -> None:
    try:
        await phase()
    except Exception as error:  # noqa: BLE001 - raised when all phases have run
        errors.append(error)
