"""What modules have added to the catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from understage.catalog_api import CatalogProcessor, EntityProvider
from understage.errors import ConflictError
from understage.plugin_api import ExtensionPointContext

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
    """Collects processors and providers; each module gets a view of its own by `for_module`."""

    def __init__(self) -> None:
        self.processors: list[CatalogProcessor] = []
        self.providers: dict[str, AddedProvider] = {}

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
