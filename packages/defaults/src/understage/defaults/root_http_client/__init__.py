"""The root HTTP client service: requests to other plugins and to the outside."""

from understage.defaults.root_http_client.client import DefaultRootHttpClient
from understage.defaults.root_lifecycle.root_lifecycle import close_after_shutdown
from understage.defaults.telemetry.switch import is_enabled
from understage.plugin_api import (
    RootConfig,
    RootHttpClientService,
    RootLifecycle,
    core_services,
    create_service_factory,
)

__all__ = ["DefaultRootHttpClient", "root_http_client_service_factory"]


@create_service_factory(service=core_services.root_http_client)
def root_http_client_service_factory(config: RootConfig, lifecycle: RootLifecycle) -> RootHttpClientService:
    """Provides one client with one pool of connections for the whole backend, closed when the backend stops."""
    client = DefaultRootHttpClient()
    close_after_shutdown(lifecycle, client.close)
    if is_enabled(config, "tracing"):
        from understage.defaults.tracing.http_client import TracedHttpClient

        return TracedHttpClient(client)
    return client
