"""The provider that the README shows."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from understage.auth import auth_plugin
from understage.plugin_api import HttpRouter, PluginRegistrationPoints, create_backend_plugin
from understage.testing import mock_credentials, mock_services, start_test_backend

README = Path(__file__).parents[1] / "README.md"
JANE = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "User",
    "metadata": {"name": "jane", "namespace": "default"},
    "relations": [{"type": "memberOf", "targetRef": "group:default/team-a"}],
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The README's example as a module."""
    (code,) = (block.partition("```")[0] for block in README.read_text().split("```python\n")[1:])
    module = types.ModuleType("readme_example")
    monkeypatch.setitem(sys.modules, "readme_example", module)
    exec(compile(code, str(README), "exec"), vars(module))
    return module


@create_backend_plugin(plugin_id="catalog")
def one_user_catalog(env: PluginRegistrationPoints) -> None:
    """A catalog that knows Jane."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def entities(request: Request) -> JSONResponse:
        asked_for_jane = request.query_params["filter"] == "kind=user,spec.profile.email=jane@example.org"
        found = [JANE] if asked_for_jane else []
        return JSONResponse({"items": found, "totalItems": len(found), "pageInfo": {}})

    @env.register_init
    async def init(http_router: HttpRouter) -> None:
        http_router.use(Starlette(routes=[Route("/entities/by-query", entities)]))


async def test_the_shown_provider_signs_in(shown: Any) -> None:
    """P1, P4, P5, P16, P20: a module with its own provider signs a catalog user in with its groups."""
    config = mock_services.root_config.factory({"auth": {"providers": {"header": {}}}})
    features = [auth_plugin, shown.auth_module_header_provider, one_user_catalog, config]
    async with start_test_backend(features=features) as backend:

        async def refresh(**headers: str) -> Any:
            return await backend.client.get("/api/auth/header/refresh", headers=headers)

        jane = await refresh(**{"x-forwarded-email": "jane@example.org"})
        stranger = await refresh(**{"x-forwarded-email": "stranger@example.org"})
        nobody = await refresh()
        info = await backend.client.get(
            "/api/auth/v1/userinfo", headers=mock_credentials.user.header("user:default/jane")
        )
    assert jane.json()["profile"] == {"email": "jane@example.org"}
    assert jane.json()["backstageIdentity"]["identity"] == {
        "type": "user",
        "userEntityRef": "user:default/jane",
        "ownershipEntityRefs": ["user:default/jane", "group:default/team-a"],
    }
    assert (stranger.status_code, stranger.json()["error"]["message"]) == (404, "User not found")
    assert nobody.status_code == 401
    assert info.json()["claims"]["ent"] == ["user:default/jane", "group:default/team-a"]
