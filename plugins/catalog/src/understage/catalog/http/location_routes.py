"""The HTTP API of locations."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from understage.catalog.database.locations import Location
from understage.catalog.http import operations
from understage.catalog.http.gate import Gate
from understage.catalog.http.responses import send_empty, send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.locations import ConflictStrategy, Locations, not_found
from understage.catalog.query.json_texts import read_json
from understage.catalog.query.location_queries import matches, parse_location_query
from understage.catalog_api import EntityRef
from understage.catalog_api.permissions import (
    catalog_location_create_permission,
    catalog_location_delete_permission,
    catalog_location_read_permission,
)
from understage.errors import InputError, NotFoundError
from understage.plugin_api import AuditSeverity

DEFAULT_PAGE_SIZE = 1000
_TRUE = frozenset(("y", "yes", "true", "1", "on"))
_FALSE = frozenset(("n", "no", "false", "0", "off"))


class LocationsApi:
    """The handlers of locations.

    Args:
        locations: does what is asked for.
        gate: tells who asks, and what they may do.
        on_conflict: what happens to a location that is registered already, unless the request says so.
    """

    def __init__(self, locations: Locations, gate: Gate, on_conflict: ConflictStrategy) -> None:
        self._gate = gate
        self._locations = locations
        self._on_conflict: ConflictStrategy = on_conflict

    def add_to(self, routes: Routes) -> None:
        """Adds the routes."""
        routes.add(operations.GET_LOCATIONS, self.get_all)
        routes.add(operations.CREATE_LOCATION, self.post)
        routes.add(operations.LOCATIONS_BY_QUERY, self.post_by_query)
        routes.add(operations.LOCATION_BY_ENTITY, self.get_by_entity)
        routes.add(operations.GET_LOCATION, self.get)
        routes.add(operations.UPDATE_LOCATION, self.put)
        routes.add(operations.DELETE_LOCATION, self.delete)

    async def get_all(self, request: Request) -> None:
        """Sends all locations."""
        async with self._gate.audit(request, "location-fetch", queryType="all"):
            await send_json(request.send, [{"data": location} for location in await self._readable(request)])

    async def _readable(self, request: Request) -> Sequence[Location]:
        return await self._locations.all() if await self._may_read(request) else []

    async def _may_read(self, request: Request) -> bool:
        return await self._gate.may(request, catalog_location_read_permission)

    async def get(self, request: Request) -> None:
        """Sends a location."""
        location_id = request.path[0]
        async with self._gate.audit(request, "location-fetch", queryType="by-id", id=location_id) as audit:
            if not await self._may_read(request):
                raise not_found(location_id)
            location = await self._locations.get(location_id)
            audit.tell({"output": msgspec.to_builtins(location)})
            await send_json(request.send, location)

    async def get_by_entity(self, request: Request) -> None:
        """Sends the location that led to an entity."""
        ref = EntityRef(*request.path)
        async with self._gate.audit(request, "location-fetch", queryType="by-entity", locationRef=str(ref)) as audit:
            if not await self._may_read(request):
                raise NotFoundError(f"found no entity for ref {ref}")
            location = await self._locations.by_entity(ref)
            audit.tell({"output": msgspec.to_builtins(location)})
            await send_json(request.send, location)

    async def post(self, request: Request) -> None:
        """Registers a location."""
        parameters = request.parameters
        on_conflict = cast("ConflictStrategy | None", parameters.one("onConflict")) or self._on_conflict
        is_dry = _flag("dryRun", parameters.one("dryRun"))
        body = await request.body()
        wanted = {"type": body["type"], "target": body["target"]}
        severity: AuditSeverity = "low" if is_dry else "medium"
        async with self._gate.audit(
            request, "location-mutate", severity=severity, actionType="create", location=wanted, isDryRun=is_dry
        ) as audit:
            await self._gate.check(request, catalog_location_create_permission)
            answer: dict[str, Any] = {}
            if is_dry:
                exists, location, entities = await self._locations.try_out(body["type"], body["target"])
                answer = {"exists": exists, "location": location, "entities": entities}
            else:
                location = await self._locations.create(body["type"], body["target"], on_conflict)
                answer = {"location": location, "entities": []}
            audit.tell({"location": msgspec.to_builtins(location)})
            await send_json(request.send, answer, status=201)

    async def put(self, request: Request) -> None:
        """Changes a location."""
        body = await request.body()
        location_id = request.path[0]
        wanted = {"type": body["type"], "target": body["target"]}
        async with self._gate.audit(
            request, "location-mutate", severity="medium", actionType="update", id=location_id, location=wanted
        ) as audit:
            await self._gate.check(request, catalog_location_create_permission)
            location = await self._locations.update(location_id, body["type"], body["target"])
            audit.tell({"location": msgspec.to_builtins(location)})
            await send_json(request.send, location)

    async def delete(self, request: Request) -> None:
        """Removes a location."""
        location_id = request.path[0]
        async with self._gate.audit(request, "location-mutate", severity="medium", actionType="delete", id=location_id):
            await self._gate.check(request, catalog_location_delete_permission)
            await self._locations.delete(location_id)
            await send_empty(request.send, 204)

    async def post_by_query(self, request: Request) -> None:
        """Sends a page of the locations that a query is about."""
        body = await request.body()
        async with self._gate.audit(request, "location-fetch", queryType="by-query"):
            await self._send_query(request, body)

    async def _send_query(self, request: Request, body: dict[str, Any]) -> None:
        after = ""
        if "cursor" in body:
            body = _decode_cursor(body["cursor"])
            after = body["afterId"]
        limit = _limit(body.get("limit", DEFAULT_PAGE_SIZE))
        query = body.get("query", {})
        predicate = parse_location_query(query)
        everything = await self._readable(request)
        found = await asyncio.to_thread(lambda: [one for one in everything if matches(predicate, one)])
        rest = [one for one in found if one.id > after]
        page = rest[:limit]
        info = {"nextCursor": _encode_cursor(limit, page[-1], query)} if len(rest) > limit else {}
        await send_json(request.send, {"items": page, "totalItems": len(found), "pageInfo": info})


def _limit(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        raise InputError("request/body/limit must be a whole number of at least 1")
    return int(value)


def _encode_cursor(limit: int, last: Location, query: Any) -> str:
    return base64.b64encode(msgspec.json.encode({"limit": limit, "afterId": last.id, "query": query})).decode()


def _decode_cursor(text: str) -> dict[str, Any]:
    try:
        cursor: Any = read_json(base64.b64decode(text, validate=True), object)
    except (binascii.Error, ValueError) as error:
        raise InputError("Malformed cursor, could not be parsed") from error
    if not isinstance(cursor, dict) or not isinstance(cursor.get("afterId"), str) or "limit" not in cursor:
        raise InputError("Malformed cursor, could not be parsed")
    return cursor


def _flag(name: str, text: str | None) -> bool:
    lowered = (text or "no").lower()
    if lowered not in _TRUE | _FALSE:
        raise InputError(f"request/query/{name} must be boolean")
    return lowered in _TRUE
