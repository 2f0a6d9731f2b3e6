"""The actions registry: what a plugin offers to be done."""

from understage.defaults.actions_registry.factory import actions_registry_service_factory

__all__ = ["actions_registry_service_factory"]
