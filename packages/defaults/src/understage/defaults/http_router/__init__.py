"""The HTTP router of a plugin: what lies below `/api/<pluginId>`."""

from understage.defaults.http_router.factory import http_router_service_factory
from understage.defaults.http_router.http_router import DefaultHttpRouter

__all__ = ["DefaultHttpRouter", "http_router_service_factory"]
