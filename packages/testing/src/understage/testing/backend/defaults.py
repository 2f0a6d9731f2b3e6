"""What a test backend provides unless a test brings its own."""

from __future__ import annotations

from typing import Any

from understage.plugin_api import DiscoveryService, ServiceFactory, core_services, create_service_factory
from understage.testing import mock_services
from understage.testing.backend.http_client import TestServerService, http_client_factory
from understage.testing.backend.server import http_side_factory
from understage.testing.mocks.discovery import MockDiscovery


def default_test_factories(*, listen: bool) -> list[ServiceFactory[Any]]:
    """Returns the service factories of a test backend: real ones, mocked ones, and those that know the test server.

    Args:
        listen: whether to open a port.
    """
    return [
        mock_services.root_config.factory({"backend": {"baseUrl": "http://localhost:7007"}}),
        mock_services.root_logger.factory(),
        mock_services.root_lifecycle.factory(),
        mock_services.root_health.factory(),
        mock_services.root_http_router.factory(),
        http_side_factory(listen=listen),
        http_client_factory,
        discovery_factory,
        mock_services.actions.factory(),
        mock_services.actions_registry.factory(),
        mock_services.auditor.factory(),
        mock_services.auth.factory(),
        mock_services.cache.factory(),
        mock_services.database.factory(),
        mock_services.events.factory(),
        mock_services.http_auth.factory(),
        mock_services.http_router.factory(),
        mock_services.lifecycle.factory(),
        mock_services.logger.factory(),
        mock_services.metrics.factory(),
        mock_services.permissions.factory(),
        mock_services.permissions_registry.factory(),
        mock_services.root_system_metadata.factory(),
        mock_services.scheduler.factory(),
        mock_services.tracing.factory(),
        mock_services.url_reader.factory(),
        mock_services.user_info.factory(),
    ]


@create_service_factory(service=core_services.discovery)
def discovery_factory(server: TestServerService) -> DiscoveryService:
    """Finds every plugin at the test backend."""
    return MockDiscovery(server.url)
