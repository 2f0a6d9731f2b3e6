"""The HTTP API for what clients may do to entities, and for what led to them."""

from __future__ import annotations

import msgspec

from understage.catalog.ancestry import find_readable_ancestry
from understage.catalog.http import operations
from understage.catalog.http.gate import Gate
from understage.catalog.http.responses import send_empty, send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.upkeep import Upkeep
from understage.catalog_api import EntityRef
from understage.catalog_api.permissions import catalog_entity_validate_permission
from understage.errors import InputError
from understage.plugin_api import DatabaseService


def add_upkeep_routes(routes: Routes, gate: Gate, database: DatabaseService, upkeep: Upkeep) -> None:
    """Adds the routes.

    Args:
        routes: where to.
        gate: tells who asks, and what they may do.
        database: the catalog's database.
        upkeep: does what is asked for.
    """

    async def get_ancestry(request: Request) -> None:
        ref = EntityRef(*request.path)
        async with gate.audit(request, "entity-fetch", actionType="ancestry", entityRef=str(ref)) as audit:
            readable = await gate.readable(request)
            found = await find_readable_ancestry(gate.access, database, ref, readable)
            items = [{"entity": msgspec.Raw(one.text.encode()), "parentEntityRefs": one.parents} for one in found]
            links = [{"entityRef": one.ref, "parentEntityRefs": one.parents} for one in found]
            audit.tell({"rootEntityRef": str(ref), "ancestry": links})
            await send_json(request.send, {"rootEntityRef": str(ref), "items": items})

    async def delete_by_uid(request: Request) -> None:
        uid = request.path[0]
        async with gate.audit(request, "entity-mutate", severity="medium", actionType="delete", uid=uid):
            await gate.access.check_delete(uid, await gate.credentials(request))
            await upkeep.delete(uid)
            await send_empty(request.send, 204)

    async def post_refresh(request: Request) -> None:
        body = await request.body()
        ref = body["entityRef"]
        async with gate.audit(request, "entity-mutate", severity="medium", queryType="refresh", entityRef=ref):
            await gate.access.check_refresh(ref, await gate.credentials(request))
            await upkeep.refresh(ref)
            await send_empty(request.send, 200)

    async def post_validate_entity(request: Request) -> None:
        body = await request.body()
        async with gate.audit(request, "entity-validate") as audit:
            await gate.check(request, catalog_entity_validate_permission)
            errors = await upkeep.validate(body["entity"], body["location"])
            if errors:
                audit.fail(InputError("The entity is not valid: " + "; ".join(one["message"] for one in errors)))
                await send_json(request.send, {"errors": errors}, status=400)
            else:
                await send_empty(request.send, 200)

    routes.add(operations.GET_ANCESTRY, get_ancestry)
    routes.add(operations.DELETE_BY_UID, delete_by_uid)
    routes.add(operations.REFRESH, post_refresh)
    routes.add(operations.VALIDATE_ENTITY, post_validate_entity)
