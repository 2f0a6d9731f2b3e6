"""The HTTP API for entities that are not served, as the frontend's plugin for them asks.

Backstage has these routes in a module of its own, whose list of refused entities is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from understage.catalog.database import unprocessed
from understage.catalog.database.unprocessed import Reason, RefusedEntity, UnprocessedEntity
from understage.catalog.http.gate import Gate
from understage.catalog.http.operations import Answer, Operation
from understage.catalog.http.parameters import Parameter, Query
from understage.catalog.http.responses import send_empty, send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.http.schemas import OBJECT
from understage.catalog.upkeep import Upkeep
from understage.catalog_api.permissions import (
    unprocessed_entities_delete_permission,
    unprocessed_entities_read_permission,
)
from understage.errors import ConflictError
from understage.plugin_api import DatabaseService

OWNER = Parameter("owner", "Only entities whose `spec.owner` is this text.")


def _list(which: str, operation_id: str, summary: str) -> Operation:
    path = f"/entities/unprocessed/{which}"
    return Operation("GET", path, operation_id, summary, Answer(schema=OBJECT), Query(OWNER), is_documented=False)


FAILED = _list("failed", "GetFailedEntities", "Lists the entities that have never been processed with success.")
PENDING = _list(
    "pending",
    "GetPendingEntities",
    "Lists the entities that wait to be processed for the first time, or to be stitched.",
)
CONFLICTS = _list(
    "conflicts",
    "GetRefusedEntities",
    "Lists the entities that were refused because another location has their names.",
)
DELETE = Operation(
    "DELETE",
    "/entities/unprocessed/delete/{entityId}",
    "DeleteUnprocessedEntity",
    "Removes an entity that is not served.",
    Answer(204),
    is_documented=False,
)


def add_unprocessed_routes(routes: Routes, gate: Gate, database: DatabaseService, upkeep: Upkeep) -> None:
    """Adds the routes.

    Args:
        routes: where to.
        gate: tells who asks, and what they may do.
        database: the catalog's database.
        upkeep: removes entities.
    """

    def listing(reason: Reason) -> Callable[[Request], Any]:
        async def get(request: Request) -> None:
            await gate.check(request, unprocessed_entities_read_permission)
            found = await unprocessed.find_unprocessed(database, reason)
            entities = await asyncio.to_thread(_listed, found, request.parameters.one("owner"))
            await send_json(request.send, {"type": reason, "entities": entities})

        return get

    async def get_conflicts(request: Request) -> None:
        await gate.check(request, unprocessed_entities_read_permission)
        refused = await unprocessed.find_refused(database)
        entities = await asyncio.to_thread(_refused, refused, request.parameters.one("owner"))
        await send_json(request.send, {"type": "conflicts", "entities": entities})

    async def delete(request: Request) -> None:
        uid = request.path[0]
        async with gate.audit(request, "entity-mutate", severity="medium", actionType="delete", uid=uid):
            await gate.check(request, unprocessed_entities_delete_permission)
            if _is_uuid(uid):
                if await unprocessed.is_served(database, uid.lower()):
                    raise ConflictError(f"Entity {uid} is served; delete it with DELETE /entities/by-uid/{uid}")
                await upkeep.delete(uid)
            await send_empty(request.send, 204)

    routes.add(FAILED, listing("failed"))
    routes.add(PENDING, listing("pending"))
    routes.add(CONFLICTS, get_conflicts)
    routes.add(DELETE, delete)


def _listed(found: Sequence[UnprocessedEntity], owner: str | None) -> list[dict[str, Any]]:
    return [_row(one) for one in found if owner is None or _owner(one.unprocessed_entity) == owner]


def _row(one: UnprocessedEntity) -> dict[str, Any]:
    row: dict[str, Any] = {
        "entity_id": one.entity_id,
        "entity_ref": one.entity_ref,
        "unprocessed_entity": msgspec.Raw(one.unprocessed_entity.encode()),
        "unprocessed_hash": one.unprocessed_hash,
        "processed_entity": None,
        "result_hash": one.result_hash,
        "next_update_at": _time(one.next_update_at),
        "last_discovery_at": _time(one.last_discovery_at),
        "errors": msgspec.Raw(one.errors.encode()),
        "location_key": one.location_key,
    }
    if one.processed_entity is not None:
        row["processed_entity"] = msgspec.Raw(one.processed_entity.encode())
    return row


def _refused(refused: Sequence[RefusedEntity], owner: str | None) -> list[dict[str, Any]]:
    return [
        {
            "entity_ref": one.entity_ref,
            "unprocessed_entity": msgspec.Raw(one.unprocessed_entity.encode()),
            "location_key": one.location_key,
            "source_key": one.source_key,
            "source_entity_ref": one.source_entity_ref,
            "since": _time(one.since),
            "holder": {"entity_id": one.holder_id, "location_key": one.holder_key},
        }
        for one in refused
        if owner is None or _owner(one.unprocessed_entity) == owner
    ]


def _owner(unprocessed_entity: str) -> Any:
    spec = msgspec.json.decode(unprocessed_entity).get("spec")
    return spec.get("owner") if isinstance(spec, dict) else None


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
