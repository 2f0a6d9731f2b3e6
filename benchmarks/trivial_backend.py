"""A backend with guest sign-in and one trivial plugin: what a request costs besides the plugin's own work.

`/api/trivial/hello` is a Starlette route, `/api/trivial/plain` an ASGI function, which leaves only our own share.
"""

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.defaults import create_backend
from understage.plugin_api import (
    HttpRouter,
    PluginRegistrationPoints,
    Receive,
    Scope,
    Send,
    create_backend_plugin,
)

MESSAGE = {"message": "hello"}
JSON = "application/json; charset=utf-8"


@create_backend_plugin(plugin_id="trivial")
def trivial_plugin(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(http_router: HttpRouter) -> None:
        async def hello(request: Request) -> Response:
            return Response(msgspec.json.encode(MESSAGE), media_type=JSON)

        async def plain(scope: Scope, receive: Receive, send: Send) -> None:
            body = msgspec.json.encode(MESSAGE)
            headers = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        http_router.use(Starlette(routes=[Route("/hello", hello)]))
        http_router.use(plain, path="/plain")


backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add(trivial_plugin)

if __name__ == "__main__":
    backend.run()
