"""Tests of service factories, without a backend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from understage.plugin_api import ServiceFactory, ServiceRef, core_services
from understage.testing import mock_services
from understage.testing.mocks.metadata import MockRootInstanceMetadata
from understage.testing.mocks.service_mock import service_factory_of
from understage.wiring import ServiceRegistry

T = TypeVar("T")
S = TypeVar("S")


class ServiceFactoryTester(Generic[T]):
    """Creates services by a factory under test, with mocks of all core services to depend on."""

    def __init__(self, service: ServiceRef[T], registry: ServiceRegistry) -> None:
        """Use `ServiceFactoryTester.from_factory`."""
        self._service = service
        self._registry = registry

    @classmethod
    def from_factory(
        cls, factory: ServiceFactory[T], *, dependencies: Iterable[ServiceFactory[Any]] = ()
    ) -> ServiceFactoryTester[T]:
        """Prepares the test of a factory.

        Args:
            factory: the factory under test.
            dependencies: factories of services that it needs; they win over the mocks of core services.
        """
        registry = ServiceRegistry(_default_factories())
        for added in (factory, *dependencies):
            registry.providers.add(added)
        return cls(factory.service, registry)

    async def get_subject(self, plugin_id: str = "test") -> T:
        """Returns the service, the same each time for the same plugin; a list if it is a multiton.

        Args:
            plugin_id: the plugin that it is for; root services have none.
        """
        return await self._registry.get(self._service, plugin_id)

    async def get_service(self, ref: ServiceRef[S], plugin_id: str = "test") -> S:
        """Returns another service, as the factory under test gets it.

        Args:
            ref: the service.
            plugin_id: the plugin that it is for.
        """
        return await self._registry.get(ref, plugin_id)


def _default_factories() -> list[ServiceFactory[Any]]:
    return [
        mock_services.actions.factory(),
        mock_services.actions_registry.factory(),
        mock_services.auditor.factory(),
        mock_services.auth.factory(),
        mock_services.cache.factory(),
        mock_services.database.factory(),
        mock_services.discovery.factory(),
        mock_services.http_auth.factory(),
        mock_services.http_router.factory(),
        mock_services.lifecycle.factory(),
        mock_services.logger.factory(),
        mock_services.metrics.factory(),
        mock_services.permissions.factory(),
        mock_services.permissions_registry.factory(),
        mock_services.root_config.factory(),
        mock_services.root_health.factory(),
        mock_services.root_http_client.factory(),
        mock_services.root_http_router.factory(),
        mock_services.root_lifecycle.factory(),
        mock_services.root_logger.factory(),
        mock_services.root_system_metadata.factory(),
        mock_services.scheduler.factory(),
        mock_services.tracing.factory(),
        mock_services.url_reader.factory(),
        mock_services.user_info.factory(),
        service_factory_of(core_services.root_instance_metadata, MockRootInstanceMetadata()),
    ]
