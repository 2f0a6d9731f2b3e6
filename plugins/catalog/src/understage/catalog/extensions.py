"""What modules have added to the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from understage.catalog.model.field_formats import DEFAULT_FORMATS
from understage.catalog_api import (
    AnalyzerParts,
    CatalogProcessor,
    EntityDataParser,
    EntityProvider,
    FieldValidators,
    LocationAnalyzer,
    LocationAnalyzerFactory,
    PlaceholderResolver,
    ProcessingErrorHandler,
    ScmLocationAnalyzer,
)
from understage.errors import ConflictError
from understage.plugin_api import ExtensionPointContext, LoggerService

if TYPE_CHECKING:
    from understage.catalog_api.model import CatalogModel, ModelSource

FailureReport = Callable[[BaseException], None]


@dataclass(frozen=True, slots=True)
class AddedProvider:
    """A provider and who is to blame if it fails.

    Attributes:
        provider: the provider.
        report_failure: records a failure as that of the module which added it.
    """

    provider: EntityProvider
    report_failure: FailureReport


class ProcessingExtensions:
    """Collects what takes part in processing; each module gets a view of its own by `for_module`.

    Attributes:
        processors: processors.
        providers: entity providers by name.
        placeholder_resolvers: resolvers by the names of their placeholders.
        error_handler: is told of errors.
    """

    def __init__(self) -> None:
        self.processors: list[CatalogProcessor] = []
        self.providers: dict[str, AddedProvider] = {}
        self.placeholder_resolvers: dict[str, PlaceholderResolver] = {}
        self.error_handler: ProcessingErrorHandler | None = None

    def for_module(self, context: ExtensionPointContext) -> ModuleProcessingExtensions:
        """Returns the extension point as one module sees it."""
        return ModuleProcessingExtensions(self, context.report_module_startup_failure)

    def add_provider(self, provider: EntityProvider, report_failure: FailureReport) -> None:
        """Adds a provider.

        Raises:
            ConflictError: another one has the same name.
        """
        other = self.providers.get(provider.name)
        if other is not None:
            raise ConflictError(
                f"the entity provider '{provider.name}' is added twice: {type(other.provider).__module__} and "
                f"{type(provider).__module__}; what providers bring is remembered by their names, so give one another"
            )
        self.providers[provider.name] = AddedProvider(provider, report_failure)

    def add_placeholder_resolver(self, key: str, resolver: PlaceholderResolver) -> None:
        """Adds a placeholder resolver.

        Raises:
            ConflictError: another one has the same key.
        """
        if key in self.placeholder_resolvers:
            raise ConflictError(
                f"the placeholder ${key} has two resolvers, of {self.placeholder_resolvers[key].__module__} and "
                f"{resolver.__module__}; leave one of the modules out, or give its placeholder another name"
            )
        self.placeholder_resolvers[key] = resolver


class ModuleProcessingExtensions:
    """The extension point `catalog.processing` of one module; implements `CatalogProcessingExtensionPoint`.

    Args:
        extensions: where everything is collected.
        report_failure: records a failure as that of the module.
    """

    def __init__(self, extensions: ProcessingExtensions, report_failure: FailureReport) -> None:
        self._extensions = extensions
        self._report_failure = report_failure

    def add_processor(self, *processors: CatalogProcessor) -> None:
        """Adds processors; they run after the built-in ones of the same priority."""
        self._extensions.processors += processors

    def add_entity_provider(self, *providers: EntityProvider) -> None:
        """Adds entity providers.

        Raises:
            ConflictError: another provider has the same name.
        """
        for provider in providers:
            self._extensions.add_provider(provider, self._report_failure)

    def add_placeholder_resolver(self, key: str, resolver: PlaceholderResolver) -> None:
        """Adds a kind of placeholder, or replaces one of the built-in ones.

        Raises:
            ConflictError: another module has added one of this name.
        """
        self._extensions.add_placeholder_resolver(key, resolver)

    def set_on_processing_error_handler(self, handler: ProcessingErrorHandler) -> None:
        """Has a function told of errors; the last one that is set counts."""
        self._extensions.error_handler = handler


class AnalysisExtensions:
    """The extension point `catalog.analysis`; implements `CatalogAnalysisExtensionPoint`.

    Attributes:
        scm_analyzers: find entity files on source hosts.
    """

    def __init__(self) -> None:
        self.scm_analyzers: list[ScmLocationAnalyzer] = []
        self._analyzer: LocationAnalyzer | LocationAnalyzerFactory | None = None

    def set_location_analyzer(self, analyzer: LocationAnalyzer | LocationAnalyzerFactory) -> None:
        """Replaces the analyzer.

        Raises:
            ConflictError: it is replaced already.
        """
        if self._analyzer is not None:
            raise ConflictError("the location analyzer is set twice; leave one of the modules out that set it")
        self._analyzer = analyzer

    def add_scm_location_analyzer(self, analyzer: ScmLocationAnalyzer) -> None:
        """Adds what finds the entity files on one kind of source host."""
        self.scm_analyzers.append(analyzer)

    async def build(self, default: Callable[[Sequence[ScmLocationAnalyzer]], LocationAnalyzer]) -> LocationAnalyzer:
        """Returns the analyzer of this backend.

        Args:
            default: makes the built-in one.
        """
        if self._analyzer is None:
            return default(self.scm_analyzers)
        if callable(self._analyzer):
            return await self._analyzer(AnalyzerParts(self.scm_analyzers))
        return self._analyzer


class LocationsExtensions:
    """The extension point `catalog.locations`; implements `CatalogLocationsExtensionPoint`.

    Attributes:
        allowed_types: types of locations that may be registered.
    """

    def __init__(self) -> None:
        self.allowed_types: Sequence[str] = ("url",)

    def set_allowed_location_types(self, location_types: Sequence[str]) -> None:
        """Sets which types of locations may be registered."""
        self.allowed_types = tuple(location_types)


class ModelExtensions:
    """The extension point `catalog.model`; implements `CatalogModelExtensionPoint`.

    Attributes:
        formats: of the members that all entities have.
        parser: understands files, or None for the built-in one.
        sources: where layers of the catalog model come from.
        model: what they say, once they were read; None without any, for the built-in kinds.
    """

    def __init__(self) -> None:
        self.formats = DEFAULT_FORMATS
        self.parser: EntityDataParser | None = None
        self.sources: list[ModelSource] = []
        self.model: CatalogModel | None = None

    def set_field_validators(self, validators: FieldValidators) -> None:
        """Replaces the validators that are given."""
        self.formats = self.formats.replaced_by(validators)

    def set_entity_data_parser(self, parser: EntityDataParser) -> None:
        """Replaces what understands files.

        Raises:
            ConflictError: it is replaced already.
        """
        if self.parser is not None:
            raise ConflictError("the parser of entity files is set twice; leave one of the modules out that set it")
        self.parser = parser

    def add_model_source(self, source: ModelSource) -> None:
        """Adds a source of the catalog model."""
        self.sources.append(source)

    async def read_model(self, logger: LoggerService) -> None:
        """Waits for the sources of the model; without any there is none.

        Args:
            logger: is told while a source keeps the catalog waiting.

        Raises:
            InputError: layers contradict each other.
        """
        if self.sources:
            from understage.catalog.model.model_sources import read_model

            self.model = await read_model(self.sources, logger)


@dataclass(frozen=True, slots=True)
class Extensions:
    """Everything that modules have added to the catalog.

    Attributes:
        processing: processors, providers, placeholders.
        analysis: analyzers.
        locations: which locations may be registered.
        model: what is taken for an entity.
    """

    processing: ProcessingExtensions = field(default_factory=ProcessingExtensions)
    analysis: AnalysisExtensions = field(default_factory=AnalysisExtensions)
    locations: LocationsExtensions = field(default_factory=LocationsExtensions)
    model: ModelExtensions = field(default_factory=ModelExtensions)
