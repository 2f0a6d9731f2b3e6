"""The root health service: is the process alive, and should it get requests."""

from understage.defaults.root_health.root_health import DefaultRootHealth
from understage.plugin_api import RootHealthService, RootLifecycle, core_services, create_service_factory

__all__ = ["DefaultRootHealth", "root_health_service_factory"]


@create_service_factory(service=core_services.root_health)
def root_health_service_factory(lifecycle: RootLifecycle) -> RootHealthService:
    """Provides the answers of health probes."""
    return DefaultRootHealth(lifecycle)
