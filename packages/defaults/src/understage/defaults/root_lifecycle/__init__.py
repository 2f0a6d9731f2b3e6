"""The root lifecycle service: hooks around start and stop of the whole backend."""

from understage.defaults.root_lifecycle.root_lifecycle import DefaultRootLifecycle
from understage.plugin_api import RootLifecycleService, RootLogger, core_services, create_service_factory

__all__ = ["DefaultRootLifecycle", "root_lifecycle_service_factory"]


@create_service_factory(service=core_services.root_lifecycle)
def root_lifecycle_service_factory(logger: RootLogger) -> RootLifecycleService:
    """Provides the backend's lifecycle."""
    return DefaultRootLifecycle(logger)
