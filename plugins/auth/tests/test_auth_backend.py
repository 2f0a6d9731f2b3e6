"""The auth plugin within a backend: its wiring, and the answers that Backstage gave."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from understage.auth import auth_plugin
from understage.auth_api import AuthProviderContext, AuthProviderRouteHandlers, AuthProviders
from understage.auth_module_guest_provider import auth_module_guest_provider
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module
from understage.testing import TestBackend, mock_credentials, mock_services, start_test_backend
from understage.wiring import BackendStartupError

GUEST = "user:development/guest"
RECORDINGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "data/recordings.json").read_text())
CONFIG = {
    "backend": {"baseUrl": "http://localhost:7007"},
    "auth": {"providers": {"guest": {"dangerouslyAllowOutsideDevelopment": True}}},
}


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_ENV", raising=False)
    monkeypatch.delenv("UNDERSTAGE_ENV", raising=False)


@pytest.fixture
async def backend() -> AsyncIterator[TestBackend]:
    config = mock_services.root_config.factory(CONFIG)
    async with start_test_backend(features=[auth_plugin, auth_module_guest_provider, config]) as backend:
        yield backend


def shape(value: Any) -> Any:
    """A JSON value without what differs from run to run; the order of members counts."""
    if isinstance(value, dict):
        return [(key, "<opaque>" if key in {"x", "y", "kid"} else shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, str) and value.startswith("ey"):
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in value.split(".")[:2])
        return [list(header), header["typ"], header["alg"], list(claims), claims["sub"], claims["aud"]]
    if isinstance(value, int) and 3590 <= value <= 3600:
        return "<about an hour>"
    return value


@pytest.mark.parametrize("name", RECORDINGS)
async def test_the_answers_are_those_of_backstage(backend: TestBackend, name: str) -> None:
    """P1, P2, P4, P5, P7, P8, P14, P15, A11: status, content type and body are those that Backstage gave."""
    recorded = RECORDINGS[name]
    headers = {"Accept": "application/json"}
    await backend.client.get("/api/auth/guest/refresh")
    if recorded["authorization"]:
        headers |= mock_credentials.user.header(GUEST)
    response = await backend.client.request(recorded["method"], recorded["url"], headers=headers)
    assert response.status_code == recorded["status"]
    assert response.headers["content-type"] == recorded["contentType"]
    assert shape(response.json()) == shape(json.loads(recorded["body"]))


@pytest.mark.parametrize("path", ["", "/"])
async def test_the_root_is_an_empty_404_for_anybody(backend: TestBackend, path: str) -> None:
    """P18: the plugin has no barrier, so its root is an empty 404 without credentials."""
    response = await backend.client.get(f"/api/auth{path}", headers=mock_credentials.none.header())
    assert (response.status_code, response.content) == (404, b"")


async def test_a_bad_token_does_not_matter_where_none_is_needed(backend: TestBackend) -> None:
    """P18: public routes do not look at credentials."""
    response = await backend.client.get("/api/auth/guest/refresh", headers={"Authorization": "Bearer garbage"})
    assert response.status_code == 200


async def test_user_info_of_a_service_is_400(backend: TestBackend) -> None:
    """P15: a service's token is 400 InputError."""
    response = await backend.client.get("/api/auth/v1/userinfo", headers=mock_credentials.service.header())
    assert (response.status_code, response.json()["error"]["name"]) == (400, "InputError")


async def test_user_info_of_a_limited_token_is_given(backend: TestBackend) -> None:
    """P15: a limited token will do."""
    await backend.client.get("/api/auth/guest/refresh")
    response = await backend.client.get("/api/auth/v1/userinfo", headers=mock_credentials.limited_user.header(GUEST))
    assert response.json() == {"claims": {"sub": GUEST, "ent": [GUEST]}}


async def test_guests_need_permission_outside_of_development() -> None:
    """P6: refresh is 403 without the flag."""
    config = mock_services.root_config.factory({"auth": {"providers": {"guest": {}}}})
    async with start_test_backend(features=[auth_plugin, auth_module_guest_provider, config]) as backend:
        response = await backend.client.get("/api/auth/guest/refresh")
    assert (response.status_code, response.json()["error"]["name"]) == (403, "NotAllowedError")


async def test_a_provider_without_configuration_says_so() -> None:
    """P2: the guest module alone does not turn the provider on."""
    async with start_test_backend(features=[auth_plugin, auth_module_guest_provider]) as backend:
        response = await backend.client.get("/api/auth/guest/refresh")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "No auth provider registered for 'guest'"


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ({"providers": {"guest": {"userEntityRef": "a:b/"}}}, "auth.providers.guest.userEntityRef"),
        ({"keyStore": {"provider": "firestore"}}, "auth.keyStore.provider"),
        ({"backstageTokenExpiration": "soon"}, "auth.backstageTokenExpiration"),
    ],
)
async def test_invalid_configuration_fails_the_start(auth: dict[str, Any], message: str) -> None:
    """P3, P9, P13: the start fails with the configuration key in the message."""
    config = mock_services.root_config.factory({"auth": auth})
    with pytest.raises(BackendStartupError, match=message.replace(".", r"\.")):
        await start_test_backend(features=[auth_plugin, auth_module_guest_provider, config])


async def test_a_lifetime_out_of_bounds_is_pointed_out() -> None:
    """P9: a token lifetime that does not count as written is a warning with both values."""
    logger = mock_services.logger.mock()
    config = mock_services.root_config.factory({"auth": {"backstageTokenExpiration": "1s"}})
    async with start_test_backend(features=[auth_plugin, config, logger]):
        pass
    ((message,), metadata) = logger.warning.call_args
    assert "auth.backstageTokenExpiration" in message
    assert metadata == {"configured": "0:00:01", "effective": "0:10:00"}


async def test_a_misconfigured_provider_answers_in_development(monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: in development the backend starts, and the provider's routes tell what to check."""
    monkeypatch.setenv("NODE_ENV", "development")
    config = mock_services.root_config.factory({"auth": {"providers": {"guest": {"userEntityRef": "a:b/"}}}})
    async with start_test_backend(features=[auth_plugin, auth_module_guest_provider, config]) as backend:
        response = await backend.client.get("/api/auth/guest/refresh")
    assert response.status_code == 404
    assert "check auth.providers.guest" in response.json()["error"]["message"]


async def test_the_same_provider_twice_fails_the_start() -> None:
    """P19: a second module with the same provider id fails, and the failure names the id."""

    @create_backend_module(plugin_id="auth", module_id="other-guest")
    def other(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(providers: AuthProviders) -> None:
            providers.register_provider(provider_id="guest", factory=lambda _context: never())

    with pytest.raises(BackendStartupError, match="the auth provider 'guest' is registered already"):
        await start_test_backend(features=[auth_plugin, auth_module_guest_provider, other])


async def test_a_provider_knows_where_it_is() -> None:
    """P1: a provider's context has the plugin's external address and the frontend's."""
    seen: list[AuthProviderContext] = []

    def factory(context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
        seen.append(context)
        return never()

    @create_backend_module(plugin_id="auth", module_id="test")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(providers: AuthProviders) -> None:
            providers.register_provider(provider_id="test", factory=factory)

    config = mock_services.root_config.factory(
        {"app": {"baseUrl": "http://localhost:3000"}, "auth": {"providers": {"test": {}}}}
    )
    async with start_test_backend(features=[auth_plugin, module, config]) as backend:
        assert seen[0].base_url == f"{backend.url}/api/auth"
        assert seen[0].app_url == "http://localhost:3000"


def never() -> AuthProviderRouteHandlers:
    async def handler(_request: Request) -> Response:
        raise AssertionError("not to be called")

    return AuthProviderRouteHandlers(start=handler, frame_handler=handler)
