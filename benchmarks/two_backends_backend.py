"""One of two backends, as BENCHMARK_ROLE says: the caller, which also signs guests in, or the answerer.

`/api/caller/for-user` and `/api/caller/for-itself` make a token for the plugin `answerer`, call it in the other
backend, and pass on what it says.
"""

import os

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.defaults import create_backend
from understage.plugin_api import (
    Auth,
    Credentials,
    Discovery,
    HttpAuth,
    HttpRouter,
    PluginRegistrationPoints,
    Principal,
    RootHttpClient,
    create_backend_plugin,
)

JSON = "application/json; charset=utf-8"


@create_backend_plugin(plugin_id="caller")
def caller_plugin(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(
        auth: Auth, discovery: Discovery, http: RootHttpClient, http_auth: HttpAuth, http_router: HttpRouter
    ) -> None:
        async def call(on_behalf_of: Credentials[Principal]) -> Response:
            token = await auth.get_plugin_request_token(on_behalf_of=on_behalf_of, target_plugin_id="answerer")
            url = f"{await discovery.get_base_url('answerer')}/answer"
            answer = await http.request("GET", url, headers={"authorization": f"Bearer {token}"})
            return Response(msgspec.json.encode(answer.json()), status_code=answer.status, media_type=JSON)

        async def for_user(request: Request) -> Response:
            return await call(await http_auth.credentials(request, allow=["user"]))

        async def for_itself(request: Request) -> Response:
            return await call(await auth.get_own_service_credentials())

        http_router.use(Starlette(routes=[Route("/for-user", for_user), Route("/for-itself", for_itself)]))


@create_backend_plugin(plugin_id="answerer")
def answerer_plugin(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(http_auth: HttpAuth, http_router: HttpRouter) -> None:
        async def answer(request: Request) -> Response:
            credentials = await http_auth.credentials(request, allow=["user", "service"])
            return Response(msgspec.json.encode({"caller": credentials.principal.type}), media_type=JSON)

        http_router.use(Starlette(routes=[Route("/answer", answer)]))


backend = create_backend()
if os.environ["BENCHMARK_ROLE"] == "caller":
    backend.add("understage.auth")
    backend.add("understage.auth_module_guest_provider")
    backend.add(caller_plugin)
else:
    backend.add(answerer_plugin)

if __name__ == "__main__":
    backend.run()
