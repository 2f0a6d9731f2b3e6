"""The catalog as a service: plugins ask for it by annotation, and say on whose behalf they ask."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from understage.catalog_api.client import CatalogClient
from understage.plugin_api import Credentials, ServiceRef, create_service_ref


class CatalogService(Protocol):
    """Asks the catalog on behalf of somebody."""

    def on_behalf_of(self, credentials: Credentials[Any]) -> CatalogClient:
        """Returns a client that asks as somebody, and sees what they may see.

        Args:
            credentials: those of the request that is answered, or the plugin's own:
                `await auth.get_own_service_credentials()`.
        """
        ...


catalog_service_ref: ServiceRef[CatalogService] = create_service_ref(
    CatalogService,
    id="catalog-client",
    default_factory="understage.catalog_api.catalog_service_factory:catalog_service_factory",
)
Catalog = Annotated[CatalogService, catalog_service_ref]
"""How a plugin asks for the catalog: `async def init(catalog: Catalog)`."""
