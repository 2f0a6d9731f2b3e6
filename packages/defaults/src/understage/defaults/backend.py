"""A backend with the default core services."""

from __future__ import annotations

from typing import Any

from understage.defaults.auth import auth_service_factory
from understage.defaults.database import database_service_factory
from understage.defaults.discovery import discovery_service_factory
from understage.defaults.http_auth import http_auth_service_factory
from understage.defaults.http_router import http_router_service_factory
from understage.defaults.lifecycle import lifecycle_service_factory
from understage.defaults.logger import logger_service_factory
from understage.defaults.root_config import root_config_service_factory, root_config_watch_service_factory
from understage.defaults.root_health import root_health_service_factory
from understage.defaults.root_http_client import root_http_client_service_factory
from understage.defaults.root_http_router import root_http_router_service_factory
from understage.defaults.root_lifecycle import root_lifecycle_service_factory
from understage.defaults.root_logger import root_logger_service_factory
from understage.defaults.root_system_metadata import root_system_metadata_service_factory
from understage.defaults.tracing.startup import trace_start
from understage.plugin_api import ServiceFactory, core_services
from understage.wiring import Backend, LazyFactory, discovery_feature_loader

# Root services are created in this order: the port opens as early as it can. What every backend needs is imported;
# what is created only for plugins that ask for it is named, so that its import costs nobody else anything.
default_service_factories: tuple[ServiceFactory[Any] | LazyFactory, ...] = (
    root_config_service_factory(),
    root_logger_service_factory,
    root_lifecycle_service_factory,
    root_health_service_factory,
    root_http_router_service_factory(),
    root_http_client_service_factory,
    root_config_watch_service_factory,
    root_system_metadata_service_factory,
    auth_service_factory,
    database_service_factory(),
    discovery_service_factory(),
    http_auth_service_factory,
    http_router_service_factory,
    lifecycle_service_factory,
    logger_service_factory,
    LazyFactory(core_services.actions, "understage.defaults.actions:actions_service_factory"),
    LazyFactory(
        core_services.actions_registry, "understage.defaults.actions_registry:actions_registry_service_factory"
    ),
    LazyFactory(core_services.auditor, "understage.defaults.auditor:auditor_service_factory"),
    LazyFactory(core_services.cache, "understage.defaults.cache:cache_service_factory"),
    LazyFactory(core_services.events, "understage.defaults.events:events_service_factory"),
    LazyFactory(core_services.metrics, "understage.defaults.metrics:metrics_service_factory"),
    LazyFactory(core_services.permissions, "understage.defaults.permissions:permissions_service_factory"),
    LazyFactory(
        core_services.permissions_registry,
        "understage.defaults.permissions_registry:permissions_registry_service_factory",
    ),
    LazyFactory(core_services.scheduler, "understage.defaults.scheduler:scheduler_service_factory"),
    LazyFactory(core_services.tracing, "understage.defaults.tracing:tracing_service_factory"),
    LazyFactory(core_services.url_reader, "understage.defaults.url_reader:url_reader_service_factory"),
    LazyFactory(core_services.user_info, "understage.defaults.user_info:user_info_service_factory"),
)


def create_backend() -> Backend:
    """Returns a backend with the default core services, ready for features to be added.

    Features of installed packages are loaded as far as the configuration's `backend.packages` asks for them. A service
    factory that is added replaces the default one.
    """
    backend = Backend(default_service_factories, start_listeners=[trace_start])
    backend.add(discovery_feature_loader)
    return backend
