"""The default core services and create_backend()."""

from understage.defaults.backend import create_backend, default_service_factories

__all__ = ["create_backend", "default_service_factories"]
