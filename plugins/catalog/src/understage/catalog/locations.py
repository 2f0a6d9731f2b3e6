"""What clients may do with locations: register, list, change and remove them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import msgspec

from understage.catalog.database import lineage, reads
from understage.catalog.database import locations as table
from understage.catalog.database.locations import Location
from understage.catalog.processing.pipeline import Pipeline
from understage.catalog.processing.trying_out import try_out
from understage.catalog.providers.config_locations import location_entity
from understage.catalog.providers.location_store import LocationStoreProvider
from understage.catalog_api import EntityJson, EntityRef, LocationRef, parse_location_ref, stringify_entity_ref
from understage.catalog_api.annotations import MANAGED_BY_ORIGIN_LOCATION
from understage.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from understage.plugin_api import DatabaseService

ALLOWED_TYPES = ("url",)

ConflictStrategy = Literal["refresh", "reject"]


class Locations:
    """Registered locations.

    Args:
        database: the catalog's database.
        provider: brings their entities into the catalog.
        pipeline: returns what processes entities at present.
        is_readonly: whether nothing may be changed.
        allowed_types: types of locations that may be registered.
    """

    def __init__(
        self,
        database: DatabaseService,
        provider: LocationStoreProvider,
        pipeline: Callable[[], Pipeline],
        *,
        is_readonly: bool,
        allowed_types: Sequence[str] = ALLOWED_TYPES,
    ) -> None:
        self._pipeline = pipeline
        self._database = database
        self._provider = provider
        self._is_readonly = is_readonly
        self._allowed_types = allowed_types

    async def all(self) -> Sequence[Location]:
        """Returns all locations by id."""
        return await table.find_all(self._database)

    async def get(self, location_id: str) -> Location:
        """Returns a location.

        Raises:
            NotFoundError: there is none of this id.
        """
        location = await table.find_by_id(self._database, location_id)
        if location is None:
            raise not_found(location_id)
        return location

    async def by_entity(self, ref: EntityRef) -> Location:
        """Returns the location that led to an entity in the end.

        Raises:
            NotFoundError: there is no such entity, or it came otherwise.
        """
        text = await reads.find_by_ref(self._database, str(ref))
        if text is None:
            raise NotFoundError(f"found no entity for ref {ref}")
        origin = msgspec.json.decode(text)["metadata"].get("annotations", {}).get(MANAGED_BY_ORIGIN_LOCATION)
        if origin is None:
            raise NotFoundError(f"no origin annotation for ref {ref}")
        place = parse_location_ref(origin)
        location = await table.find_by_target(self._database, place.type, place.target)
        if location is None:
            raise NotFoundError(f"Found no location with type {place.type} and target {place.target}")
        return location

    async def create(self, location_type: str, target: str, on_conflict: ConflictStrategy) -> Location:
        """Registers a location. Its target is read later.

        Args:
            location_type: what reads it.
            target: its address.
            on_conflict: what to do if it is registered already: read it again, or refuse.

        Raises:
            ConflictError: it is registered already.
            InputError: its type is not allowed.
            NotAllowedError: the catalog is read-only.
        """
        self._check_writable()
        check_location(location_type, target, self._allowed_types)
        ref = LocationRef(location_type, target)
        location = Location(str(uuid4()), location_type, target, entity_ref_of(ref))
        if await table.insert(self._database, location):
            await self._provider.bring(location)
            return location
        existing = await table.find_by_target(self._database, location_type, target)
        if existing is None or on_conflict == "reject":
            raise ConflictError(f"Location {ref} already exists")
        await lineage.schedule(self._database, [existing.entity_ref], datetime.now(UTC), anew=True)
        return existing

    async def try_out(self, location_type: str, target: str) -> tuple[bool, Location, list[EntityJson]]:
        """Processes what a location would bring, without storing anything.

        Returns:
            whether it is registered already, the location, and the entities.

        Raises:
            InputError: its type is not allowed, or something is wrong with what it brings.
        """
        check_location(location_type, target, self._allowed_types)
        ref = LocationRef(location_type, target)
        existing = await table.find_by_target(self._database, location_type, target)
        entities = await try_out(self._pipeline(), location_entity(ref))
        return existing is not None, Location(str(ref), location_type, target, entity_ref_of(ref)), entities

    async def update(self, location_id: str, location_type: str, target: str) -> Location:
        """Gives a location another type and target; id and name stay.

        Raises:
            ConflictError: another location has them.
            InputError: the type is not allowed.
            NotAllowedError: the catalog is read-only.
            NotFoundError: there is no such location.
        """
        self._check_writable()
        check_location(location_type, target, self._allowed_types)
        async with self._database.transaction() as connection:
            existing = await table.find_by_id(connection, location_id)
            if existing is None:
                raise not_found(location_id)
            other = await table.find_by_target(connection, location_type, target)
            if other is not None and other.id != location_id:
                raise ConflictError(f"Location {location_type}:{target} already exists")
            location = msgspec.structs.replace(existing, type=location_type, target=target)
            await table.update(connection, location)
        await self._provider.bring(location)
        return location

    async def delete(self, location_id: str) -> None:
        """Removes a location with the entities that only it led to.

        Raises:
            NotAllowedError: the catalog is read-only.
            NotFoundError: there is no such location.
        """
        self._check_writable()
        location = await self.get(location_id)
        await table.delete(self._database, location.id)
        await self._provider.remove(location)

    def _check_writable(self) -> None:
        if self._is_readonly:
            raise NotAllowedError("This service instance is read-only: catalog.readonly is set")


def not_found(location_id: str) -> NotFoundError:
    """Returns the error that says that there is no location of an id."""
    return NotFoundError(f"Found no location with ID {location_id}")


def entity_ref_of(ref: LocationRef) -> str:
    """Returns the name of the entity of a new location."""
    return stringify_entity_ref(location_entity(ref))


def check_location(location_type: str, target: str, allowed_types: Sequence[str] = ALLOWED_TYPES) -> None:
    """Checks what a client wants to register.

    Raises:
        InputError: the type is not allowed, or there is no target.
    """
    if location_type not in allowed_types:
        allowed = msgspec.json.encode(list(allowed_types)).decode()
        raise InputError(f"Registered locations must be of an allowed type {allowed}")
    if not target.strip() or "\0" in target:
        raise InputError("The target of a location must not be empty, nor hold a NUL character")
