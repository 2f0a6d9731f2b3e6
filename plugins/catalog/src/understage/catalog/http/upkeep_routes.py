"""The HTTP API for what clients may do to entities, and for what led to them."""

from __future__ import annotations

import msgspec

from understage.catalog.ancestry import find_ancestry
from understage.catalog.http.bodies import read_body
from understage.catalog.http.parameters import Operation
from understage.catalog.http.responses import send_empty, send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.upkeep import Upkeep
from understage.catalog_api import EntityRef
from understage.plugin_api import DatabaseService

_NO_PARAMETERS = Operation()


def add_upkeep_routes(routes: Routes, database: DatabaseService, upkeep: Upkeep) -> None:
    """Adds the routes.

    Args:
        routes: where to.
        database: the catalog's database.
        upkeep: does what is asked for.
    """

    async def get_ancestry(request: Request) -> None:
        _NO_PARAMETERS.parse(request.query_string)
        ref = EntityRef(*request.path)
        items = [
            {"entity": msgspec.Raw(one.text.encode()), "parentEntityRefs": one.parents}
            for one in await find_ancestry(database, ref)
        ]
        await send_json(request.send, {"rootEntityRef": str(ref), "items": items})

    async def delete_by_uid(request: Request) -> None:
        _NO_PARAMETERS.parse(request.query_string)
        await upkeep.delete(request.path[0])
        await send_empty(request.send, 204)

    async def post_refresh(request: Request) -> None:
        _NO_PARAMETERS.parse(request.query_string)
        body = await read_body(request.scope, request.receive, "refresh")
        await upkeep.refresh(body["entityRef"])
        await send_empty(request.send, 200)

    async def post_validate_entity(request: Request) -> None:
        _NO_PARAMETERS.parse(request.query_string)
        body = await read_body(request.scope, request.receive, "validate-entity")
        errors = await upkeep.validate(body["entity"], body["location"])
        if errors:
            await send_json(request.send, {"errors": errors}, status=400)
        else:
            await send_empty(request.send, 200)

    routes.add("GET", "/entities/by-name/{kind}/{namespace}/{name}/ancestry", get_ancestry)
    routes.add("DELETE", "/entities/by-uid/{uid}", delete_by_uid)
    routes.add("POST", "/refresh", post_refresh)
    routes.add("POST", "/validate-entity", post_validate_entity)
