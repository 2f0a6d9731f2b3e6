"""A plugin that listens: it keeps the latest reviews, which are written in the other backend."""

from collections import deque
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from understage.plugin_api import Event, Events, HttpRouter, PluginRegistrationPoints, create_backend_plugin


@create_backend_plugin(plugin_id="inbox")
def inbox_plugin(env: PluginRegistrationPoints) -> None:
    """Shows the latest reviews at `/api/inbox/reviews`."""

    @env.register_init
    async def init(events: Events, http_router: HttpRouter) -> None:
        latest: deque[Any] = deque(maxlen=20)

        async def keep(event: Event) -> None:
            latest.append(event.payload)

        async def show(_request: Request) -> Response:
            return JSONResponse({"reviews": list(latest)})

        await events.subscribe("reviews", ["reviews.written"], keep)
        http_router.use(Starlette(routes=[Route("/reviews", show)]))
