"""create_backend(): a backend with all default services."""

from collections.abc import Sequence
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
from understage.defaults.user_info import user_info_service_factory
from understage.plugin_api import ServiceFactory
from understage.wiring import Backend, ExtensionPointMiddleware, discovery_feature_loader


def default_service_factories() -> list[ServiceFactory[Any]]:
    """Returns the factories of all default services, root services in the order in which they are created."""
    return [
        root_config_service_factory(),
        root_logger_service_factory,
        root_config_watch_service_factory,
        root_lifecycle_service_factory,
        root_health_service_factory,
        root_http_router_service_factory(),
        root_http_client_service_factory,
        auth_service_factory,
        database_service_factory(),
        discovery_service_factory(),
        http_auth_service_factory,
        http_router_service_factory,
        lifecycle_service_factory,
        logger_service_factory,
        user_info_service_factory,
    ]


def create_backend(*, extension_point_factory_middleware: Sequence[ExtensionPointMiddleware[Any]] = ()) -> Backend:
    """Creates a backend with all default services, ready for features to be added.

    Installed packages that announce features are loaded as the configuration key `backend.packages` says.

    Args:
        extension_point_factory_middleware: what replaces the instances of extension points that modules receive.
    """
    backend = Backend(
        default_service_factories(), extension_point_factory_middleware=extension_point_factory_middleware
    )
    backend.add(discovery_feature_loader)
    return backend
