"""Notes on entities where they came from."""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from understage.catalog_api import CatalogProcessor, Emit, EntityJson, LocationRef, ProcessorCache, annotations
from understage.errors import InputError
from understage.integration import ScmIntegrations

# A file of a fixed commit cannot be edited.
_COMMIT = re.compile(r"\b[0-9a-f]{40,}\b")


class AnnotateLocationProcessor(CatalogProcessor):
    """Adds the annotations of location and origin, and of addresses where to look, unless the entity brings its own.

    Args:
        integrations: know the addresses of source hosts.
    """

    def __init__(self, integrations: ScmIntegrations) -> None:
        self._integrations = integrations
        # A file may hold thousands of entities, each of which comes by every two minutes.
        self._addresses = lru_cache(maxsize=4096)(self._find_addresses)

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "AnnotateLocationEntityProcessor"

    def depends_only_on(self, entity: EntityJson) -> bool:
        """Tells that nobody else is asked."""
        return True

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Adds the annotations."""
        metadata = entity["metadata"]
        own = metadata.get("annotations")
        if own is not None and not isinstance(own, dict):
            return entity  # refused by the schema, which comes next
        found = {annotations.MANAGED_BY_LOCATION: str(location), annotations.MANAGED_BY_ORIGIN_LOCATION: str(origin)}
        if location.type == "url":
            found |= self._addresses(location.target)
        return {**entity, "metadata": {**metadata, "annotations": {**found, **(own or {})}}}

    def _find_addresses(self, url: str) -> Mapping[str, str]:
        """Returns where a person views and edits a file, and the folder that it is in."""
        found = {annotations.VIEW_URL: url}
        integration = self._integrations.by_url(url)
        if integration is None:
            return found
        if not _COMMIT.search(url):
            found[annotations.EDIT_URL] = integration.resolve_edit_url(url)
        with suppress(InputError, ValueError):  # an address that the integration cannot take apart has no folder
            found[annotations.SOURCE_LOCATION] = f"url:{integration.resolve_url('./', url)}"
        return found
