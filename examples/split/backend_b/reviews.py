"""A plugin that calls the catalog of the other backend, in the name of the user who asks."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from understage.errors import InputError, ResponseError
from understage.plugin_api import (
    Auth,
    Discovery,
    Events,
    HttpAuth,
    HttpRouter,
    PluginRegistrationPoints,
    RootHttpClient,
    create_backend_plugin,
)


@create_backend_plugin(plugin_id="reviews")
def reviews_plugin(env: PluginRegistrationPoints) -> None:
    """Takes reviews of components at `/api/reviews/<component>`, and tells of them."""

    @env.register_init
    async def init(
        auth: Auth,
        discovery: Discovery,
        events: Events,
        http_auth: HttpAuth,
        http_client: RootHttpClient,
        http_router: HttpRouter,
    ) -> None:
        async def write(request: Request) -> Response:
            credentials = await http_auth.credentials(request, allow=["user"])
            text = (await request.json()).get("text")
            if not text:
                raise InputError("a review has a 'text'")
            token = await auth.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id="catalog")
            component = request.path_params["component"]
            url = f"{await discovery.get_base_url('catalog')}/entities/by-name/component/default/{component}"
            answer = await http_client.request("GET", url, headers={"authorization": f"Bearer {token}"})
            if answer.status != 200:
                raise ResponseError.from_body("GET", url, answer.status, answer.reason, answer.body)
            review = {
                "component": component,
                "for": answer.json()["spec"]["owner"],
                "by": credentials.principal.user_entity_ref,
                "text": text,
            }
            await events.publish("reviews.written", review)
            return JSONResponse(review, 201)

        http_router.use(Starlette(routes=[Route("/{component}", write, methods=["POST"])]))
