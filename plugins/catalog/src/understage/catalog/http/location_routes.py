"""The HTTP API of locations."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

import msgspec

from understage.catalog.database.locations import Location
from understage.catalog.http.bodies import read_body
from understage.catalog.http.parameters import Operation
from understage.catalog.http.responses import send_empty, send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.locations import ConflictStrategy, Locations
from understage.catalog.query.location_queries import matches, parse_location_query
from understage.catalog_api import EntityRef
from understage.errors import InputError

DEFAULT_PAGE_SIZE = 1000
_NO_PARAMETERS = Operation()
_CREATE = Operation(dryRun="text", onConflict="text")
_TRUE = frozenset(("y", "yes", "true", "1", "on"))
_FALSE = frozenset(("n", "no", "false", "0", "off"))


class LocationsApi:
    """The handlers of locations.

    Args:
        locations: does what is asked for.
        on_conflict: what happens to a location that is registered already, unless the request says so.
    """

    def __init__(self, locations: Locations, on_conflict: ConflictStrategy) -> None:
        self._locations = locations
        self._on_conflict: ConflictStrategy = on_conflict

    def add_to(self, routes: Routes) -> None:
        """Adds the routes."""
        routes.add("GET", "/locations", self.get_all)
        routes.add("POST", "/locations", self.post)
        routes.add("POST", "/locations/by-query", self.post_by_query)
        routes.add("GET", "/locations/by-entity/{kind}/{namespace}/{name}", self.get_by_entity)
        routes.add("GET", "/locations/{id}", self.get)
        routes.add("PUT", "/locations/{id}", self.put)
        routes.add("DELETE", "/locations/{id}", self.delete)

    async def get_all(self, request: Request) -> None:
        """Sends all locations."""
        _NO_PARAMETERS.parse(request.query_string)
        await send_json(request.send, [{"data": location} for location in await self._locations.all()])

    async def get(self, request: Request) -> None:
        """Sends a location."""
        _NO_PARAMETERS.parse(request.query_string)
        await send_json(request.send, await self._locations.get(request.path[0]))

    async def get_by_entity(self, request: Request) -> None:
        """Sends the location that led to an entity."""
        _NO_PARAMETERS.parse(request.query_string)
        await send_json(request.send, await self._locations.by_entity(EntityRef(*request.path)))

    async def post(self, request: Request) -> None:
        """Registers a location."""
        parameters = _CREATE.parse(request.query_string)
        on_conflict = _conflict_strategy(parameters.one("onConflict")) or self._on_conflict
        is_dry = _flag("dryRun", parameters.one("dryRun"))
        body = await read_body(request.scope, request.receive, "location")
        _check_members(body, "type", "target", "presence")
        if is_dry:
            exists, tried, entities = await self._locations.try_out(body["type"], body["target"])
            await send_json(request.send, {"exists": exists, "location": tried, "entities": entities}, status=201)
            return
        location = await self._locations.create(body["type"], body["target"], on_conflict)
        await send_json(request.send, {"location": location, "entities": []}, status=201)

    async def put(self, request: Request) -> None:
        """Changes a location."""
        _NO_PARAMETERS.parse(request.query_string)
        body = await read_body(request.scope, request.receive, "location")
        _check_members(body, "type", "target")
        await send_json(request.send, await self._locations.update(request.path[0], body["type"], body["target"]))

    async def delete(self, request: Request) -> None:
        """Removes a location."""
        _NO_PARAMETERS.parse(request.query_string)
        await self._locations.delete(request.path[0])
        await send_empty(request.send, 204)

    async def post_by_query(self, request: Request) -> None:
        """Sends a page of the locations that a query is about."""
        _NO_PARAMETERS.parse(request.query_string)
        body = await read_body(request.scope, request.receive, "locations-by-query")
        after = ""
        if "cursor" in body:
            body = _decode_cursor(body["cursor"])
            after = body["afterId"]
        limit = _limit(body.get("limit", DEFAULT_PAGE_SIZE))
        query = body.get("query", {})
        predicate = parse_location_query(query)
        everything = await self._locations.all()
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
        cursor: Any = msgspec.json.decode(base64.b64decode(text, validate=True))
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


def _conflict_strategy(text: str | None) -> ConflictStrategy | None:
    match text:
        case None | "refresh" | "reject":
            return text
        case _:
            raise InputError("request/query/onConflict must be equal to one of the allowed values: refresh, reject")


def _check_members(body: dict[str, Any], *known: str) -> None:
    unknown = [member for member in body if member not in known]
    if unknown:
        shown = ", ".join(f"'{member}'" for member in unknown)
        issue = {
            "code": "unrecognized_keys",
            "keys": unknown,
            "path": [],
            "message": f"Unrecognized key(s) in object: {shown}",
        }
        raise InputError(f"Malformed request: {json.dumps([issue], indent=2)}")
