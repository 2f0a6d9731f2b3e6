"""What modules may extend of the catalog."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Protocol

from understage.catalog_api.analysis import LocationAnalyzer, LocationAnalyzerFactory, ScmLocationAnalyzer
from understage.catalog_api.entity import EntityJson
from understage.catalog_api.field_validators import FieldValidators
from understage.catalog_api.placeholders import PlaceholderResolver
from understage.catalog_api.processing import CatalogProcessor, EntityDataParser
from understage.catalog_api.providers import EntityProvider
from understage.plugin_api import ExtensionPoint, create_extension_point

if TYPE_CHECKING:
    from understage.catalog_api.model import ModelSource

ProcessingErrorHandler = Callable[[EntityJson, Sequence[Exception]], Awaitable[None]]
"""Is told of an entity, as it was found, and of what went wrong with it."""


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

    def add_placeholder_resolver(self, key: str, resolver: PlaceholderResolver) -> None:
        """Adds a kind of placeholder, or replaces one of the built-in ones.

        Args:
            key: its name, without the dollar sign.
            resolver: finds out what it stands for.

        Raises:
            ConflictError: another module has added one of this name.
        """
        ...

    def set_on_processing_error_handler(self, handler: ProcessingErrorHandler) -> None:
        """Has a function told of errors, whenever processing an entity comes to other errors than before.

        Args:
            handler: the function; the last one that is set counts.
        """
        ...


class CatalogAnalysisExtensionPoint(Protocol):
    """Adds to what is told of places that are not in the catalog."""

    def set_location_analyzer(self, analyzer: LocationAnalyzer | LocationAnalyzerFactory) -> None:
        """Replaces the analyzer.

        Args:
            analyzer: the analyzer, or what builds it of what other modules have added.

        Raises:
            ConflictError: it is replaced already.
        """
        ...

    def add_scm_location_analyzer(self, analyzer: ScmLocationAnalyzer) -> None:
        """Adds what finds the entity files on one kind of source host."""
        ...


class CatalogLocationsExtensionPoint(Protocol):
    """Decides which locations may be registered."""

    def set_allowed_location_types(self, location_types: Sequence[str]) -> None:
        """Sets which types of locations may be registered, and named by Locations of another type; `url` by default.

        Args:
            location_types: all of them.
        """
        ...


class CatalogModelExtensionPoint(Protocol):
    """Changes what the catalog takes for an entity. Upstream it is an alpha: expect changes."""

    def set_field_validators(self, validators: FieldValidators) -> None:
        """Replaces the validators that are given; those given last count."""
        ...

    def set_entity_data_parser(self, parser: EntityDataParser) -> None:
        """Replaces what understands the files that entities are read from.

        Raises:
            ConflictError: it is replaced already.
        """
        ...

    def add_model_source(self, source: "ModelSource") -> None:
        """Adds a source of the catalog model, which then takes the place of the built-in kinds.

        Args:
            source: brings layers; `static_model` makes one that also has the built-in kinds.
        """
        ...


catalog_processing_extension_point: ExtensionPoint[CatalogProcessingExtensionPoint] = create_extension_point(
    CatalogProcessingExtensionPoint, id="catalog.processing"
)
CatalogProcessing = Annotated[CatalogProcessingExtensionPoint, catalog_processing_extension_point]

catalog_analysis_extension_point: ExtensionPoint[CatalogAnalysisExtensionPoint] = create_extension_point(
    CatalogAnalysisExtensionPoint, id="catalog.analysis"
)
CatalogAnalysis = Annotated[CatalogAnalysisExtensionPoint, catalog_analysis_extension_point]

catalog_locations_extension_point: ExtensionPoint[CatalogLocationsExtensionPoint] = create_extension_point(
    CatalogLocationsExtensionPoint, id="catalog.locations"
)
CatalogLocations = Annotated[CatalogLocationsExtensionPoint, catalog_locations_extension_point]

catalog_model_extension_point: ExtensionPoint[CatalogModelExtensionPoint] = create_extension_point(
    CatalogModelExtensionPoint, id="catalog.model"
)
CatalogModel = Annotated[CatalogModelExtensionPoint, catalog_model_extension_point]
