"""The root HTTP router: the server, its layers, and what is mounted at its root."""

from understage.defaults.root_http_router.factory import root_http_router_service_factory
from understage.defaults.root_http_router.pipeline import RootPipeline
from understage.defaults.root_http_router.root_http_router import DefaultRootHttpRouter

__all__ = ["DefaultRootHttpRouter", "RootPipeline", "root_http_router_service_factory"]
