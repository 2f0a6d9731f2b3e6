"""Tokens of the auth plugin, verified by the framework's own auth services as every plugin does."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from understage.auth import auth_plugin
from understage.auth_module_guest_provider import auth_module_guest_provider
from understage.defaults.auth import auth_service_factory
from understage.defaults.http_auth import http_auth_service_factory
from understage.defaults.user_info import user_info_service_factory
from understage.plugin_api import (
    Auth,
    Discovery,
    HttpAuth,
    HttpRouter,
    PluginRegistrationPoints,
    RootHttpClient,
    UserInfoReader,
    create_backend_plugin,
)
from understage.testing import TestBackend, mock_services, start_test_backend

GUEST = "user:development/guest"
STATIC_TOKEN = "static-token-of-the-test"


@create_backend_plugin(plugin_id="whoami")
def whoami_plugin(env: PluginRegistrationPoints) -> None:
    """Tells the caller what is known of it, also when asked by way of another request of its own."""

    @env.register_init
    async def init(
        auth: Auth,
        discovery: Discovery,
        http_auth: HttpAuth,
        http_client: RootHttpClient,
        http_router: HttpRouter,
        users: UserInfoReader,
    ) -> None:
        async def whoami(request: Request) -> Response:
            credentials = await http_auth.credentials(request, allow=["user"], allow_limited_access=True)
            info = await users.get_user_info(credentials)
            return JSONResponse({"user": info.user_entity_ref, "ownership": list(info.ownership_entity_refs)})

        async def relay(request: Request) -> Response:
            credentials = await http_auth.credentials(request, allow=["user"])
            token = await auth.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id="whoami")
            url = f"{await discovery.get_base_url('whoami')}/whoami"
            answer = await http_client.request("GET", url, headers={"Authorization": f"Bearer {token}"})
            return Response(answer.body, answer.status)

        http_router.use(Starlette(routes=[Route("/whoami", whoami), Route("/relay", relay)]))
        http_router.add_auth_policy(path="/whoami", allow="user-cookie")


def features(auth: Mapping[str, Any] | None = None) -> list[Any]:
    guest = {"dangerouslyAllowOutsideDevelopment": True, "ownershipEntityRefs": [GUEST, "group:default/guests"]}
    external = [{"type": "static", "options": {"token": STATIC_TOKEN, "subject": "test"}}]
    config = {
        "backend": {"baseUrl": "http://localhost:7007", "auth": {"externalAccess": external}},
        "auth": {"providers": {"guest": guest}, **(auth or {})},
    }
    return [
        auth_plugin,
        auth_module_guest_provider,
        whoami_plugin,
        auth_service_factory,
        http_auth_service_factory,
        user_info_service_factory,
        mock_services.root_config.factory(config),
    ]


@pytest.fixture
async def backend() -> AsyncIterator[TestBackend]:
    async with start_test_backend(features=features()) as backend:
        yield backend


async def sign_in(backend: TestBackend) -> dict[str, str]:
    session = (await backend.client.get("/api/auth/guest/refresh")).json()
    return {"Authorization": f"Bearer {session['backstageIdentity']['token']}"}


EXPECTED = {"user": GUEST, "ownership": [GUEST, "group:default/guests"]}


async def test_a_signed_in_user_is_let_in_and_known(backend: TestBackend) -> None:
    """A34, P8, P14, P15: another plugin verifies the token by the key set, and learns the ownership from user info."""
    answer = await backend.client.get("/api/whoami/whoami", headers=await sign_in(backend))
    assert (answer.status_code, answer.json()) == (200, EXPECTED)


async def test_another_plugin_may_act_on_the_user_s_behalf(backend: TestBackend) -> None:
    """A11, A33, P15: the limited token inside of a plugin's token is valid, and opens user info."""
    answer = await backend.client.get("/api/whoami/relay", headers=await sign_in(backend))
    assert (answer.status_code, answer.json()) == (200, EXPECTED)


async def test_a_browser_reads_with_the_cookie(backend: TestBackend) -> None:
    """A11, A53: the cookie holds the derived limited token, and it is accepted where cookies are."""
    issued = await backend.client.get("/api/whoami/.backstage/auth/v1/cookie", headers=await sign_in(backend))
    cookie = issued.headers["set-cookie"].partition(";")[0]
    answer = await backend.client.get("/api/whoami/whoami", headers={"Cookie": cookie})
    assert (answer.status_code, answer.json()) == (200, EXPECTED)


async def test_the_limited_token_opens_user_info(backend: TestBackend) -> None:
    """P15: GET /v1/userinfo takes the limited token, which is in the cookie, as a bearer token."""
    issued = await backend.client.get("/api/whoami/.backstage/auth/v1/cookie", headers=await sign_in(backend))
    limited = issued.headers["set-cookie"].partition(";")[0].partition("=")[2]
    answer = await backend.client.get("/api/auth/v1/userinfo", headers={"Authorization": f"Bearer {limited}"})
    assert answer.json() == {"claims": {"sub": GUEST, "ent": EXPECTED["ownership"]}}


@pytest.mark.parametrize(("token", "status"), [(STATIC_TOKEN, 400), ("garbage", 401), ("e30.e30.e30", 401)])
async def test_user_info_is_for_users(backend: TestBackend, token: str, status: int) -> None:
    """P15: an external service is 400, garbage 401."""
    answer = await backend.client.get("/api/auth/v1/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status


@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "PS512", "EdDSA"])
async def test_other_algorithms_are_verified_as_well(algorithm: str) -> None:
    """P9: tokens signed with another configured algorithm are let in, and so are their limited forms."""
    async with start_test_backend(features=features({"identityTokenAlgorithm": algorithm})) as backend:
        headers = await sign_in(backend)
        answers = [await backend.client.get(f"/api/whoami/{path}", headers=headers) for path in ("whoami", "relay")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json() == EXPECTED


async def test_the_ownership_claim_spares_asking() -> None:
    """P10: with omitIdentityTokenOwnershipClaim false the ownership is read from the token."""
    async with start_test_backend(features=features({"omitIdentityTokenOwnershipClaim": False})) as backend:
        answer = await backend.client.get("/api/whoami/whoami", headers=await sign_in(backend))
    assert answer.json() == EXPECTED
