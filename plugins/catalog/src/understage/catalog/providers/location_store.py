"""Brings the locations that were registered over HTTP into the catalog."""

from __future__ import annotations

from understage.catalog.database import locations
from understage.catalog.database.locations import Location
from understage.catalog.providers.config_locations import location_entity
from understage.catalog_api import (
    DeferredEntity,
    DeltaMutation,
    EntityProviderConnection,
    FullMutation,
    LocationRef,
)
from understage.errors import ConflictError, ServiceUnavailableError
from understage.plugin_api import DatabaseService


class LocationStoreProvider:
    """Brings a Location entity for each registered location; implements `EntityProvider`.

    Args:
        database: the catalog's database.
    """

    def __init__(self, database: DatabaseService) -> None:
        self._database = database
        self._connection: EntityProviderConnection | None = None

    @property
    def name(self) -> str:
        """The name by which what it brought is remembered."""
        return "DefaultLocationStore"

    async def connect(self, connection: EntityProviderConnection) -> None:
        """Brings all locations, also those that a crash has kept from being brought when they were registered.

        Raises:
            ConflictError: it is connected already.
        """
        if self._connection is not None:
            raise ConflictError(f"{self.name} is connected already")
        self._connection = connection
        found = await locations.find_all(self._database)
        await connection.apply_mutation(FullMutation([_deferred(location) for location in found]))

    async def bring(self, location: Location) -> None:
        """Brings a location that was added or changed.

        Raises:
            ServiceUnavailableError: the provider is disabled.
        """
        await self._connected().apply_mutation(DeltaMutation(added=[_deferred(location)]))

    async def remove(self, location: Location) -> None:
        """Removes what a location has brought.

        Raises:
            ServiceUnavailableError: the provider is disabled.
        """
        await self._connected().apply_mutation(DeltaMutation(removed=[location.entity_ref]))

    def _connected(self) -> EntityProviderConnection:
        if self._connection is None:
            raise ServiceUnavailableError(
                f"Locations cannot be registered: the entity provider '{self.name}' is disabled or not connected; see "
                f"catalog.providerOptions.{self.name}.disabled"
            )
        return self._connection


def _deferred(location: Location) -> DeferredEntity:
    ref = LocationRef(location.type, location.target)
    entity = location_entity(ref)
    entity["metadata"]["name"] = location.entity_ref.rpartition("/")[2]
    return DeferredEntity(entity, str(ref))
