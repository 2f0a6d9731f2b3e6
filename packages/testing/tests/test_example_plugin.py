from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from understage.plugin_api import HttpAuth, HttpRouter, PluginRegistrationPoints, create_backend_plugin, is_user
from understage.testing import mock_credentials, start_test_backend


@create_backend_plugin(plugin_id="example")
def example_plugin(env: PluginRegistrationPoints) -> None:
    """A plugin as authors write them."""

    @env.register_init
    async def init(http_router: HttpRouter, http_auth: HttpAuth) -> None:
        async def hello(request: Request) -> JSONResponse:
            credentials = await http_auth.credentials(request, allow=["user"])
            assert is_user(credentials)
            return JSONResponse({"hello": credentials.principal.user_entity_ref})

        http_router.use(Starlette(routes=[Route("/hello", hello)]))


async def test_example() -> None:
    """T1: a plugin's test needs five lines: start a backend with it, ask it over HTTP, look at the answer."""
    async with start_test_backend(features=[example_plugin]) as backend:
        response = await backend.client.get("/api/example/hello", headers=mock_credentials.user.header("user:a/jane"))
        assert response.json() == {"hello": "user:a/jane"}
