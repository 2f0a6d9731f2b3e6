"""The root HTTP client service: requests to other plugins and to the outside."""

from understage.defaults.root_http_client.client import DefaultRootHttpClient
from understage.plugin_api import RootHttpClientService, RootLifecycle, core_services, create_service_factory

__all__ = ["DefaultRootHttpClient", "root_http_client_service_factory"]


@create_service_factory(service=core_services.root_http_client)
def root_http_client_service_factory(lifecycle: RootLifecycle) -> RootHttpClientService:
    """Provides one client with one pool of connections for the whole backend, closed when the backend stops."""
    client = DefaultRootHttpClient()
    lifecycle.add_shutdown_hook(client.close)
    return client
