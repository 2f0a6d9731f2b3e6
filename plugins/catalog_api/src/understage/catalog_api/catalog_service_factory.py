"""Provides the catalog as a service, wherever it runs."""

from __future__ import annotations

from functools import partial
from typing import Any

from understage.catalog_api.catalog_service import catalog_service_ref
from understage.catalog_api.client import CatalogClient
from understage.plugin_api import (
    Auth,
    AuthService,
    Credentials,
    Discovery,
    DiscoveryService,
    RootHttpClient,
    RootHttpClientService,
    create_service_factory,
)


class DefaultCatalogService:
    """Asks over HTTP, with a token for each request.

    Args:
        auth: mints the tokens.
        discovery: finds the catalog.
        http_client: makes the requests.
    """

    def __init__(self, auth: AuthService, discovery: DiscoveryService, http_client: RootHttpClientService) -> None:
        self._auth = auth
        self._discovery = discovery
        self._http_client = http_client

    def on_behalf_of(self, credentials: Credentials[Any]) -> CatalogClient:
        """Returns a client that asks as somebody."""
        mint = partial(self._auth.get_plugin_request_token, on_behalf_of=credentials, target_plugin_id="catalog")
        return CatalogClient(self._discovery, self._http_client, mint)


@create_service_factory(service=catalog_service_ref)
def catalog_service_factory(auth: Auth, discovery: Discovery, http_client: RootHttpClient) -> DefaultCatalogService:
    """Returns a plugin's own way to the catalog."""
    return DefaultCatalogService(auth, discovery, http_client)
