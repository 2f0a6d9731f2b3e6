"""A backend with guest sign-in and one plugin of one route: what a request costs besides the plugin's own work."""

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.defaults import create_backend
from understage.plugin_api import HttpRouter, PluginRegistrationPoints, create_backend_plugin


@create_backend_plugin(plugin_id="trivial")
def trivial_plugin(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(http_router: HttpRouter) -> None:
        async def hello(request: Request) -> Response:
            return Response(msgspec.json.encode({"message": "hello"}), media_type="application/json; charset=utf-8")

        http_router.use(Starlette(routes=[Route("/hello", hello)]))


backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add(trivial_plugin)

if __name__ == "__main__":
    backend.run()
