"""A client of the catalog, for other plugins."""

from __future__ import annotations

from understage.catalog_api.client.answers import (
    AddedLocation,
    EntitiesPage,
    EntityAncestor,
    EntityAncestors,
    EntityFacet,
    EntityValidation,
    ExistingEntityFile,
    Location,
    LocationAnalysis,
    LocationsPage,
    PageInfo,
    Place,
    SuggestedEntity,
    SuggestedField,
    ValidationFault,
)
from understage.catalog_api.client.entities import EntitiesClient
from understage.catalog_api.client.filters import FILTER_EXISTS, EntityFilter, FilterExists, FilterValue, Predicate
from understage.catalog_api.client.locations import LocationsClient
from understage.catalog_api.client.transport import TokenMint, Transport
from understage.plugin_api import DiscoveryService, RootHttpClientService

__all__ = [
    "FILTER_EXISTS",
    "AddedLocation",
    "CatalogClient",
    "EntitiesPage",
    "EntityAncestor",
    "EntityAncestors",
    "EntityFacet",
    "EntityFilter",
    "EntityValidation",
    "ExistingEntityFile",
    "FilterExists",
    "FilterValue",
    "Location",
    "LocationAnalysis",
    "LocationsPage",
    "PageInfo",
    "Place",
    "Predicate",
    "SuggestedEntity",
    "SuggestedField",
    "ValidationFault",
]


class CatalogClient(EntitiesClient, LocationsClient):
    """Asks the catalog over HTTP, wherever it runs.

    Plugins get one by `catalog.on_behalf_of(credentials)` from the service `Catalog`. Otherwise every method takes
    `token`, which proves who asks.

    Args:
        discovery: finds the catalog.
        http_client: makes the requests.
        mint: makes a token for a request that is given none.
    """

    def __init__(
        self, discovery: DiscoveryService, http_client: RootHttpClientService, mint: TokenMint | None = None
    ) -> None:
        self._transport = Transport(discovery, http_client, mint)
