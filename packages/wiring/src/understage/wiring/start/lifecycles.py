"""The lifecycle services as the backend uses them."""

from typing import Any

from understage.plugin_api import LifecycleService, RootLifecycleService, core_services
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.errors import WiringError


async def plugin_lifecycle(registry: ServiceRegistry, plugin_id: str) -> LifecycleService | None:
    """Returns a plugin's lifecycle, created if need be; None if the backend has no lifecycle service.

    Raises:
        WiringError: the service does not offer what the backend calls.
    """
    if not registry.providers.of(core_services.lifecycle):
        return None
    service = await registry.get(core_services.lifecycle, plugin_id, requested_by=f"plugin '{plugin_id}'")
    _check(service, core_services.lifecycle.id, ("startup", "shutdown"))
    return service


async def root_lifecycle(registry: ServiceRegistry) -> RootLifecycleService | None:
    """Returns the backend's lifecycle, created if need be; None if it has no such service.

    Raises:
        WiringError: the service does not offer what the backend calls.
    """
    if not registry.providers.of(core_services.root_lifecycle):
        return None
    service = await registry.get(core_services.root_lifecycle)
    _check(service, core_services.root_lifecycle.id, ("startup", "before_shutdown", "shutdown"))
    return service


def existing_root_lifecycle(registry: ServiceRegistry) -> RootLifecycleService | None:
    """Returns the backend's lifecycle if it was created.

    Raises:
        WiringError: the service does not offer what the backend calls.
    """
    service = registry.existing(core_services.root_lifecycle)
    if service is not None:
        _check(service, core_services.root_lifecycle.id, ("startup", "before_shutdown", "shutdown"))
    return service


def _check(service: Any, service_id: str, methods: tuple[str, ...]) -> None:
    missing = [method for method in methods if not callable(getattr(service, method, None))]
    if missing:
        raise WiringError(
            f"service '{service_id}' is a {type(service).__name__} without {', '.join(missing)}",
            hint="a lifecycle service of your own must offer what the backend itself calls",
        )
