"""A plugin that publishes events and remembers those that it hears. north_events.cjs is its counterpart."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from understage.plugin_api import Event, Events, HttpRouter, PluginRegistrationPoints, create_backend_plugin


@create_backend_plugin(plugin_id="south-events")
def feature(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(events: Events, http_router: HttpRouter) -> None:
        heard: list[Any] = []

        async def hear(event: Event) -> None:
            heard.append([event.topic, event.payload])

        async def publish(request: Request) -> JSONResponse:
            body = await request.json()
            await events.publish(body["topic"], body["payload"])
            return JSONResponse({})

        async def show(_request: Request) -> JSONResponse:
            return JSONResponse(heard)

        await events.subscribe("all", ["news", "for-south"], hear)
        http_router.use(Starlette(routes=[Route("/publish", publish, methods=["POST"]), Route("/heard", show)]))
        http_router.add_auth_policy(path="/", allow="unauthenticated")
