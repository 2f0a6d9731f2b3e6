"""The permissions service: what somebody may do."""

from understage.defaults.permissions.factory import permissions_service_factory

__all__ = ["permissions_service_factory"]
