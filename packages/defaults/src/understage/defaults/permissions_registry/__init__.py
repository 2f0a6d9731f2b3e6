"""The permissions registry: a plugin's permissions and rules, and conditions on its resources."""

from understage.defaults.permissions_registry.factory import permissions_registry_service_factory

__all__ = ["permissions_registry_service_factory"]
