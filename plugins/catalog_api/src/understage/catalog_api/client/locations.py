"""The client's calls about locations, and about what is no entity of the catalog yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec

from understage.catalog_api.client.answers import (
    AddedLocation,
    EntityValidation,
    Location,
    LocationAnalysis,
    LocationsPage,
    ValidationFault,
)
from understage.catalog_api.client.filters import Predicate
from understage.catalog_api.client.queries import given
from understage.catalog_api.client.transport import Transport, entity_path, segment
from understage.catalog_api.entity import EntityJson
from understage.catalog_api.refs import EntityRef, LocationRef, parse_location_ref

STREAM_PAGE_SIZE = 500


class _Listed(msgspec.Struct):
    data: Location


class _Faults(msgspec.Struct):
    errors: list[ValidationFault]


class LocationsClient:
    """The calls about locations. Every one raises `ResponseError` if the catalog refuses."""

    _transport: Transport

    async def get_locations(self, *, token: str | None = None) -> list[Location]:
        """Returns all registered locations."""
        answer = await self._transport.ask("GET", "/locations", token=token)
        return [listed.data for listed in msgspec.json.decode(answer, type=list[_Listed])]

    async def query_locations(
        self,
        *,
        query: Predicate | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        token: str | None = None,
    ) -> LocationsPage:
        """Returns a page of registered locations.

        Args:
            query: a predicate over `id`, `type`, `target` and `entityRef`; nothing matches everything.
            limit: how many on a page at most.
            cursor: of another page; everything else comes from it then.
            token: proves who asks.
        """
        body: dict[str, Any] = {"cursor": cursor} if cursor is not None else given({"query": query, "limit": limit})
        answer = await self._transport.ask("POST", "/locations/by-query", token=token, body=body)
        return msgspec.json.decode(answer, type=LocationsPage)

    async def stream_locations(
        self, *, query: Predicate | None = None, page_size: int = STREAM_PAGE_SIZE, token: str | None = None
    ) -> AsyncIterator[list[Location]]:
        """Yields all registered locations that match, page by page.

        Args:
            query: a predicate over `id`, `type`, `target` and `entityRef`; nothing matches everything.
            page_size: how many on a page at most.
            token: proves who asks.
        """
        page = await self.query_locations(query=query, limit=page_size, token=token)
        while True:
            if page.items:
                yield page.items
            if page.page_info.next_cursor is None:
                return
            page = await self.query_locations(cursor=page.page_info.next_cursor, token=token)

    async def get_location_by_id(self, location_id: str, *, token: str | None = None) -> Location | None:
        """Returns a registered location, or None."""
        return _location(await self._transport.ask_for_one(f"/locations/{segment(location_id)}", token=token))

    async def get_location_by_ref(self, ref: str | LocationRef, *, token: str | None = None) -> Location | None:
        """Returns the registered location of a type and target, or None.

        Args:
            ref: such as `url:https://example.com/catalog-info.yaml`.
            token: proves who asks.

        Raises:
            LocationRefError: `ref` is no reference.
        """
        wanted = parse_location_ref(ref) if isinstance(ref, str) else ref
        found = (one for one in await self.get_locations(token=token))
        return next((one for one in found if (one.type, one.target) == (wanted.type, wanted.target)), None)

    async def get_location_by_entity(self, ref: str | EntityRef, *, token: str | None = None) -> Location | None:
        """Returns the registered location that an entity came from, or None."""
        path = f"/locations/by-entity/{entity_path(ref)}"
        return _location(await self._transport.ask_for_one(path, token=token))

    async def add_location(
        self,
        target: str,
        *,
        type: str = "url",
        dry_run: bool = False,
        on_conflict: Literal["refresh", "reject"] | None = None,
        token: str | None = None,
    ) -> AddedLocation:
        """Registers a location.

        Args:
            target: where the entities are.
            type: the type of the location.
            dry_run: whether to show only what it would bring.
            on_conflict: what happens if it is registered already; as the catalog is configured by default.
            token: proves who asks.
        """
        parameters = [("dryRun", "true")] if dry_run else []
        if on_conflict is not None:
            parameters.append(("onConflict", on_conflict))
        body = {"type": type, "target": target}
        answer = await self._transport.ask("POST", "/locations", token=token, parameters=parameters, body=body)
        return msgspec.json.decode(answer, type=AddedLocation)

    async def update_location(
        self,
        location_id: str,
        target: str,
        *,
        type: str = "url",
        token: str | None = None,
    ) -> Location:
        """Changes where a registered location leads, and returns it."""
        body = {"type": type, "target": target}
        answer = await self._transport.ask("PUT", f"/locations/{segment(location_id)}", token=token, body=body)
        return msgspec.json.decode(answer, type=Location)

    async def remove_location_by_id(self, location_id: str, *, token: str | None = None) -> None:
        """Removes a registered location, with the entities that it alone brought."""
        await self._transport.ask("DELETE", f"/locations/{segment(location_id)}", token=token)

    async def validate_entity(
        self, entity: EntityJson, location_ref: str | LocationRef, *, token: str | None = None
    ) -> EntityValidation:
        """Tells whether the catalog would take an entity.

        Args:
            entity: the entity.
            location_ref: where it is supposed to come from, such as `url:https://example.com/catalog-info.yaml`.
            token: proves who asks.
        """
        body = {"entity": entity, "location": str(location_ref)}
        answer = await self._transport.send("POST", "/validate-entity", token=token, body=body)
        if answer.response.status < 400:
            return EntityValidation(True)
        try:
            faults = msgspec.json.decode(answer.response.body, type=_Faults)
        except msgspec.DecodeError:
            raise answer.refusal() from None
        return EntityValidation(False, faults.errors)

    async def analyze_location(
        self,
        target: str,
        *,
        type: str = "url",
        catalog_filename: str | None = None,
        token: str | None = None,
    ) -> LocationAnalysis:
        """Tells which entities are described at an address, or suggests one.

        Args:
            target: the address of a repository or file.
            type: the type of the location.
            catalog_filename: how files of entities are called there.
            token: proves who asks.
        """
        body = {"location": {"type": type, "target": target}, **given({"catalogFilename": catalog_filename})}
        answer = await self._transport.ask("POST", "/analyze-location", token=token, body=body)
        return msgspec.json.decode(answer, type=LocationAnalysis)


def _location(answer: bytes | None) -> Location | None:
    return None if answer is None else msgspec.json.decode(answer, type=Location)
