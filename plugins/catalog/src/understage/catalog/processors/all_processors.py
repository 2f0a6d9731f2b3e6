"""Which processors a backend has."""

from __future__ import annotations

from understage.catalog.config import CatalogConfig
from understage.catalog.extensions import Extensions
from understage.catalog.processing.processors import Processors
from understage.catalog.processors.annotate_location import AnnotateLocationProcessor
from understage.catalog.processors.builtin_kinds import BuiltinKindsProcessor
from understage.catalog.processors.file_reader import FileReaderProcessor
from understage.catalog.processors.placeholder_resolvers import built_in_resolvers
from understage.catalog.processors.placeholders import PlaceholderProcessor
from understage.catalog.processors.url_reader import UrlReaderProcessor
from understage.catalog.reading.entity_data import parse_entity_data
from understage.catalog.reading.remembered_reads import RememberedReads
from understage.catalog.reading.shared_reads import SharedReads
from understage.catalog_api import CatalogProcessor
from understage.integration import ScmIntegrations
from understage.plugin_api import UrlReaderService


def all_processors(
    settings: CatalogConfig, extensions: Extensions, integrations: ScmIntegrations, reader: UrlReaderService
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
    added = extensions.processing.processors
    reads = RememberedReads(SharedReads(reader))
    resolvers = {**built_in_resolvers(integrations), **extensions.processing.placeholder_resolvers}
    processors: list[CatalogProcessor] = [PlaceholderProcessor(resolvers, reads.read_file, integrations.resolve_url)]
    processors += _kinds(extensions)
    if not settings.disable_default_processors:
        parser = extensions.model.parser or parse_entity_data
        processors += [
            FileReaderProcessor(parser),
            UrlReaderProcessor(reads, parser),
            AnnotateLocationProcessor(integrations),
        ]
    return Processors([*processors, *added], settings.processor_options)


def _kinds(extensions: Extensions) -> list[CatalogProcessor]:
    """Returns what knows the kinds: the model if there is one, else the built-in ones unless a module replaces them."""
    if extensions.model.model is not None:
        from understage.catalog.processors.model import ModelProcessor

        return [ModelProcessor(extensions.model.model)]
    built_in = BuiltinKindsProcessor()
    is_replaced = any(one.name == built_in.name for one in extensions.processing.processors)
    return [] if is_replaced else [built_in]
