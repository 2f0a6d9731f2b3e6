"""The catalog as a service of other plugins."""

from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from understage.catalog import feature as catalog_feature
from understage.catalog_api import Catalog
from understage.plugin_api import HttpAuth, HttpRouter, PluginRegistrationPoints, create_backend_plugin
from understage.testing import mock_credentials, mock_services, start_test_backend


@create_backend_plugin(plugin_id="shelf")
def shelf(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(catalog: Catalog, http_auth: HttpAuth, http_router: HttpRouter) -> None:
        async def components(request: Request) -> JSONResponse:
            client = catalog.on_behalf_of(await http_auth.credentials(request))
            page = await client.query_entities(filter={"kind": "component"})
            return JSONResponse([entity["metadata"]["name"] for entity in page.items])

        http_router.use(Starlette(routes=[Route("/components", components)]))


async def test_a_plugin_asks_on_behalf_of_its_user(tmp_path: Path, make_component: Any) -> None:
    """K567: the service mints a token for each request, so that the catalog knows who asks."""
    (tmp_path / "a.yaml").write_text(make_component("web"))
    data = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "a.yaml")}]}}
    features = [catalog_feature, shelf, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features) as backend:
        with anyio.fail_after(15):
            while True:
                answer = await backend.client.get("/api/shelf/components", headers=mock_credentials.user.header())
                assert answer.status_code == 200, answer.text
                if answer.json() == ["web"]:
                    break
                await anyio.sleep(0.02)
