"""A plugin that tells who calls it, and calls others for its caller or for itself. north.cjs is its counterpart."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from understage.plugin_api import (
    Auth,
    Credentials,
    Discovery,
    HttpAuth,
    HttpRouter,
    PluginRegistrationPoints,
    RootHttpClient,
    ServicePrincipal,
    UserInfoReader,
    UserPrincipal,
    create_backend_plugin,
    is_user,
)


async def describe(
    credentials: Credentials[UserPrincipal | ServicePrincipal], user_info: UserInfoReader
) -> dict[str, Any]:
    if not is_user(credentials):
        assert isinstance(credentials.principal, ServicePrincipal)
        return {"type": "service", "subject": credentials.principal.subject}
    principal = credentials.principal
    info = await user_info.get_user_info(credentials)
    return {
        "type": "user",
        "userEntityRef": principal.user_entity_ref,
        "actor": principal.actor.subject if principal.actor else None,
        "ownershipEntityRefs": list(info.ownership_entity_refs),
    }


@create_backend_plugin(plugin_id="south")
def feature(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(
        auth: Auth,
        discovery: Discovery,
        http: RootHttpClient,
        http_auth: HttpAuth,
        http_router: HttpRouter,
        user_info: UserInfoReader,
    ) -> None:
        async def who(request: Request) -> JSONResponse:
            credentials = await http_auth.credentials(request, allow=["user", "service"])
            return JSONResponse(await describe(credentials, user_info))

        async def page(request: Request) -> JSONResponse:
            credentials = await http_auth.credentials(request, allow=["user"], allow_limited_access=True)
            return JSONResponse({"reader": credentials.principal.user_entity_ref})

        async def ask(request: Request) -> JSONResponse:
            query = request.query_params
            credentials: Credentials[Any] = (
                await http_auth.credentials(request, allow=["user", "service"])
                if query.get("as") == "caller"
                else await auth.get_own_service_credentials()
            )
            token = await auth.get_plugin_request_token(
                on_behalf_of=credentials, target_plugin_id=query.get("audience", query["plugin"])
            )
            url = await discovery.get_base_url(query["plugin"]) + query.get("path", "/who")
            answer = await http.request("GET", url, headers={"authorization": f"Bearer {token}"})
            return JSONResponse({"status": answer.status, "body": answer.json()})

        http_router.use(Starlette(routes=[Route("/who", who), Route("/page", page), Route("/ask", ask)]))
        http_router.add_auth_policy(path="/page", allow="user-cookie")
