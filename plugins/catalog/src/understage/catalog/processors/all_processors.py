"""Which processors a backend has."""

from __future__ import annotations

from understage.catalog.config import CatalogConfig
from understage.catalog.extensions import ProcessingExtensions
from understage.catalog.processing.processors import Processors
from understage.catalog.processors.annotate_location import AnnotateLocationProcessor
from understage.catalog.processors.builtin_kinds import BuiltinKindsProcessor
from understage.catalog.processors.file_reader import FileReaderProcessor
from understage.catalog.processors.url_reader import UrlReaderProcessor
from understage.integration import ScmIntegrations
from understage.plugin_api import UrlReaderService


def all_processors(
    settings: CatalogConfig, extensions: ProcessingExtensions, integrations: ScmIntegrations, reader: UrlReaderService
) -> Processors:
    """Returns the built-in processors, and those that modules have added.

    Args:
        settings: the section `catalog`.
        extensions: what modules have added.
        integrations: know the addresses of source hosts.
        reader: reads addresses.

    Raises:
        ConflictError: two have the same name.
    """
    built_in = [
        BuiltinKindsProcessor(),
        FileReaderProcessor(),
        UrlReaderProcessor(reader),
        AnnotateLocationProcessor(integrations),
    ]
    return Processors([*built_in, *extensions.processors], settings.processor_options)
