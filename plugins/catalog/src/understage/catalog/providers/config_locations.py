"""Brings the locations that the configuration names into the catalog."""

import os
from collections.abc import Sequence

from understage.catalog.config import LocationConfig
from understage.catalog.processing.content_hash import text_hash
from understage.catalog_api import (
    DeferredEntity,
    EntityJson,
    EntityProviderConnection,
    FullMutation,
    LocationRef,
    annotations,
)
from understage.errors import ConflictError


def location_ref(config: LocationConfig) -> LocationRef:
    """Returns where a configured location is: files relative to the working directory, made absolute."""
    if config.type != "file":
        return LocationRef(config.type, config.target)
    absolute = os.path.abspath(config.target)  # noqa: PTH100 - a text, maybe a glob, that keeps its trailing separator
    return LocationRef("file", absolute + "/" if config.target.endswith("/") else absolute)


def location_entity(ref: LocationRef) -> EntityJson:
    """Returns the Location entity of a location; its name is made of the location's reference."""
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {
            "annotations": {
                annotations.MANAGED_BY_LOCATION: str(ref),
                annotations.MANAGED_BY_ORIGIN_LOCATION: str(ref),
            },
            "name": f"generated-{text_hash(str(ref))}",
        },
        "spec": {"type": ref.type, "target": ref.target},
    }


class ConfigLocationProvider:
    """Brings a Location entity for each configured location; implements `EntityProvider`.

    Args:
        locations: the configured locations.
    """

    def __init__(self, locations: Sequence[LocationConfig]) -> None:
        self._locations = locations
        self._connection: EntityProviderConnection | None = None

    @property
    def name(self) -> str:
        """The name by which what it brought is remembered."""
        return "ConfigLocationProvider"

    async def connect(self, connection: EntityProviderConnection) -> None:
        """Brings the locations for the first time.

        Raises:
            ConflictError: it is connected already.
        """
        if self._connection is not None:
            raise ConflictError(f"{self.name} is connected already")
        self._connection = connection
        await self._bring()

    async def update(self, locations: Sequence[LocationConfig]) -> None:
        """Brings other locations instead, after the configuration has changed."""
        self._locations = locations
        await self._bring()

    async def _bring(self) -> None:
        if self._connection is not None:
            refs = dict.fromkeys(location_ref(location) for location in self._locations)
            await self._connection.apply_mutation(
                FullMutation([DeferredEntity(location_entity(ref), str(ref)) for ref in refs])
            )
