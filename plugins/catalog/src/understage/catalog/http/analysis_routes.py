"""The HTTP API that suggests how a place that is not in the catalog could be described."""

from __future__ import annotations

import msgspec

from understage.catalog.http import operations
from understage.catalog.http.gate import Gate
from understage.catalog.http.responses import send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog_api import LocationAnalyzer, LocationRef
from understage.catalog_api.permissions import catalog_location_analyze_permission


def add_analysis_routes(routes: Routes, gate: Gate, analyzer: LocationAnalyzer) -> None:
    """Adds the routes.

    Args:
        routes: where to.
        gate: tells who asks, and what they may do.
        analyzer: does what is asked for.
    """

    async def post_analyze_location(request: Request) -> None:
        body = await request.body()
        async with gate.audit(request, "location-analyze") as audit:
            await gate.check(request, catalog_location_analyze_permission)
            location = body["location"]
            output = await analyzer.analyze_location(
                LocationRef(location["type"], location["target"]),
                catalog_filename=body.get("catalogFilename", body.get("catalogFileName")),
                credentials=await gate.credentials(request),
            )
            audit.tell({"output": msgspec.to_builtins(output)})
            await send_json(request.send, output)

    routes.add(operations.ANALYZE_LOCATION, post_analyze_location)
