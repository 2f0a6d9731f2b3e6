"""The members of `mock_services` about what is allowed, what is offered, and what is reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from understage.plugin_api import (
    ActionsRegistryService,
    ActionsService,
    AuditorService,
    PermissionsRegistryService,
    PermissionsService,
    RootSystemMetadataService,
    ServiceFactory,
)
from understage.testing.mocks.auditor import MockAuditor
from understage.testing.mocks.namespaces import MockNamespace
from understage.testing.mocks.permissions import MockPermissions
from understage.testing.mocks.service_mock import service_factory_of
from understage.testing.mocks.system_metadata import MockRootSystemMetadata

if TYPE_CHECKING:
    from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry
    from understage.testing.mocks.actions import MockActions, MockActionsRegistry


class ActionsNamespace(MockNamespace[ActionsService]):
    """The actions service."""

    def __call__(self, registry: MockActionsRegistry | None = None) -> MockActions:
        """Returns a service that makes no requests.

        Args:
            registry: holds the actions that there are; by default an empty one of the plugin `test`.
        """
        from understage.testing.mocks.actions import MockActions

        return MockActions(registry)

    def factory(self, registry: MockActionsRegistry | None = None) -> ServiceFactory[ActionsService]:
        """Returns a factory of the service.

        Args:
            registry: holds the actions that there are; without it, the real service asks the backend's plugins.
        """
        if registry is not None:
            return service_factory_of(self.ref, self(registry))
        from understage.defaults.actions import actions_service_factory

        return actions_service_factory


class ActionsRegistryNamespace(MockNamespace[ActionsRegistryService]):
    """The actions registry of a plugin: the real one, whose actions everybody sees."""

    def __call__(self, plugin_id: str = "test") -> MockActionsRegistry:
        """Returns a registry; the test calls its `visible` and `invoke`.

        Args:
            plugin_id: the plugin.
        """
        from understage.testing.mocks.actions import MockActionsRegistry

        return MockActionsRegistry(plugin_id)

    def factory(self) -> ServiceFactory[ActionsRegistryService]:
        """Returns the factory of the real service."""
        from understage.defaults.actions_registry import actions_registry_service_factory

        return actions_registry_service_factory


class AuditorNamespace(MockNamespace[AuditorService]):
    """The auditor: keeps what is reported."""

    def __call__(self) -> MockAuditor:
        """Returns an auditor; the test looks at its `events`."""
        return MockAuditor()

    def factory(self, auditor: MockAuditor | None = None) -> ServiceFactory[AuditorService]:
        """Returns a factory of the auditor.

        Args:
            auditor: the auditor of all plugins; by default a new one.
        """
        return service_factory_of(self.ref, auditor or MockAuditor())


class PermissionsNamespace(MockNamespace[PermissionsService]):
    """The permissions service: allows everything, or nothing."""

    def __call__(self, result: Literal["ALLOW", "DENY"] = "ALLOW") -> MockPermissions:
        """Returns a permissions service.

        Args:
            result: the answer to all questions.
        """
        return MockPermissions(result)

    def factory(self, result: Literal["ALLOW", "DENY"] = "ALLOW") -> ServiceFactory[PermissionsService]:
        """Returns a factory of the service; the argument as there."""
        return service_factory_of(self.ref, MockPermissions(result))


class PermissionsRegistryNamespace(MockNamespace[PermissionsRegistryService]):
    """The permissions registry of a plugin: the real one."""

    def __call__(self, plugin_id: str = "test") -> DefaultPermissionsRegistry:
        """Returns a registry without routes.

        Args:
            plugin_id: the plugin.
        """
        from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry

        return DefaultPermissionsRegistry(plugin_id)

    def factory(self) -> ServiceFactory[PermissionsRegistryService]:
        """Returns the factory of the real service."""
        from understage.defaults.permissions_registry import permissions_registry_service_factory

        return permissions_registry_service_factory


class RootSystemMetadataNamespace(MockNamespace[RootSystemMetadataService]):
    """Which plugins the installation holds."""

    def __call__(self, plugin_ids: Sequence[str] = ()) -> MockRootSystemMetadata:
        """Returns the metadata of an installation.

        Args:
            plugin_ids: its plugins.
        """
        return MockRootSystemMetadata(plugin_ids)

    def factory(self, plugin_ids: Sequence[str] | None = None) -> ServiceFactory[RootSystemMetadataService]:
        """Returns a factory of the metadata.

        Args:
            plugin_ids: the plugins; without it, the real service tells them.
        """
        if plugin_ids is not None:
            return service_factory_of(self.ref, MockRootSystemMetadata(plugin_ids))
        from understage.defaults.root_system_metadata import root_system_metadata_service_factory

        return root_system_metadata_service_factory
