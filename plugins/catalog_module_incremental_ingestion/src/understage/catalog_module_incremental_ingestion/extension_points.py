"""What modules may extend: the incremental providers."""

from typing import Annotated, Protocol

from understage.catalog_module_incremental_ingestion.options import IncrementalOptions
from understage.catalog_module_incremental_ingestion.providers import (
    ContextT,
    CursorT,
    IncrementalEntityProvider,
    IncrementalEventHandler,
)
from understage.plugin_api import ExtensionPoint, create_extension_point


class IncrementalIngestionExtensionPoint(Protocol):
    """Adds incremental providers to the catalog."""

    def add_provider(
        self,
        provider: IncrementalEntityProvider[ContextT, CursorT],
        options: IncrementalOptions,
        *,
        event_handler: IncrementalEventHandler | None = None,
    ) -> None:
        """Adds a provider.

        Args:
            provider: goes through a source.
            options: when it works, and when what it says is not believed.
            event_handler: tells what events change in the source; often the provider itself.

        Raises:
            ConflictError: another incremental provider has the same name.
        """
        ...


incremental_ingestion_extension_point: ExtensionPoint[IncrementalIngestionExtensionPoint] = create_extension_point(
    IncrementalIngestionExtensionPoint, id="catalog.incrementalIngestionProvider.providers"
)
IncrementalIngestion = Annotated[IncrementalIngestionExtensionPoint, incremental_ingestion_extension_point]
