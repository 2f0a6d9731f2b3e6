"""The HTTP API that suggests how a place that is not in the catalog could be described."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from understage.catalog.http import operations
from understage.catalog.http.gate import Gate
from understage.catalog.http.responses import send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog_api.permissions import catalog_location_analyze_permission
from understage.errors import InputError


def add_analysis_routes(routes: Routes, gate: Gate) -> None:
    """Adds the routes.

    Args:
        routes: where to.
        gate: tells who asks, and what they may do.
    """

    async def post_analyze_location(request: Request) -> None:
        body = await request.body()
        async with gate.audit(request, "location-analyze") as audit:
            await gate.check(request, catalog_location_analyze_permission)
            entity = suggested_component(body["location"]["target"])
            suggestion: dict[str, Any] = {"entity": entity, "fields": []}
            output: dict[str, Any] = {"existingEntityFiles": [], "generateEntities": [suggestion]}
            audit.tell({"output": output})
            await send_json(request.send, output)

    routes.add(operations.ANALYZE_LOCATION, post_analyze_location)


def suggested_component(target: str) -> dict[str, Any]:
    """Returns a Component to begin with; it is named after the last part of the address.

    Args:
        target: the address of a repository or file.

    Raises:
        InputError: it is no address.
    """
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise InputError("The given location.target is not a URL") from error
    if not parts.scheme or not parts.netloc:
        raise InputError("The given location.target is not a URL")
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]).removesuffix(".git") or parts.netloc
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {"type": "other", "lifecycle": "unknown"},
    }
