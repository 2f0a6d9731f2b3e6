"""What modules may extend of the catalog."""

from typing import Annotated, Protocol

from understage.catalog_api.processing import CatalogProcessor
from understage.catalog_api.providers import EntityProvider
from understage.plugin_api import ExtensionPoint, create_extension_point


class CatalogProcessingExtensionPoint(Protocol):
    """Adds to what brings entities into the catalog and to what processes them."""

    def add_processor(self, *processors: CatalogProcessor) -> None:
        """Adds processors; they run after the built-in ones of the same priority."""
        ...

    def add_entity_provider(self, *providers: EntityProvider) -> None:
        """Adds entity providers.

        Raises:
            ConflictError: another provider has the same name.
        """
        ...


catalog_processing_extension_point: ExtensionPoint[CatalogProcessingExtensionPoint] = create_extension_point(
    CatalogProcessingExtensionPoint, id="catalog.processing"
)
CatalogProcessing = Annotated[CatalogProcessingExtensionPoint, catalog_processing_extension_point]
