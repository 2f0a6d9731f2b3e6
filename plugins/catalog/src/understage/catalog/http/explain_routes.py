"""The HTTP API for explanations of entities; Backstage has none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from understage.catalog.database import explaining, reads
from understage.catalog.explain.facts import explain
from understage.catalog.explain.model import Step
from understage.catalog.http.gate import Gate
from understage.catalog.http.operations import Answer, Operation
from understage.catalog.http.responses import send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.http.schemas import OBJECT
from understage.catalog_api import EntityRef
from understage.catalog_api.permissions import unprocessed_entities_read_permission
from understage.errors import NotAllowedError
from understage.plugin_api import DatabaseService

EXPLAIN = Operation(
    "GET",
    "/entities/by-name/{kind}/{namespace}/{name}/explanation",
    "ExplainEntity",
    "Tells where an entity comes from, what was made of it, why it is not served, and what it waits for.",
    Answer(schema=OBJECT),
    is_documented=False,
)


def add_explain_routes(
    routes: Routes, gate: Gate, database: DatabaseService, dry_run: Callable[[str, str], Awaitable[list[Step]]]
) -> None:
    """Adds the routes.

    Args:
        routes: where to.
        gate: tells who asks, and what they may do.
        database: the catalog's database.
        dry_run: runs the processors over an entity, by its name and JSON text.
    """

    async def get_explanation(request: Request) -> None:
        ref = str(EntityRef(*request.path))
        await gate.check(request, unprocessed_entities_read_permission)
        explanation = await explain(database, ref, datetime.now(UTC))
        if explanation.is_served and await reads.find_by_ref(database, ref, await gate.readable(request)) is None:
            raise NotAllowedError(f"You may not read {ref}")
        state = await explaining.find_state(database, ref)
        if state is not None:
            explanation.steps = await dry_run(ref, state.unprocessed_entity)
        await send_json(request.send, explanation)

    routes.add(EXPLAIN, get_explanation)
