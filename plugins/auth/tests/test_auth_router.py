"""The routes of the auth plugin."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from understage.auth.providers import Providers
from understage.auth.router import create_router
from understage.auth.tokens import UserTokenIssuer
from understage.auth_api import AuthProviderRouteHandlers
from understage.errors import AuthenticationError, UnderstageError, error_document, error_status
from understage.plugin_api import Credentials, Principal, ServicePrincipal, UserPrincipal

GUEST = "user:development/guest"
OpenRouter = Callable[..., Any]


class FakeAuth:
    """Knows the tokens `user`, `limited` and `service`."""

    async def authenticate(self, token: str, *, allow_limited_access: bool = False) -> Credentials[Principal]:
        if token == "user" or (token == "limited" and allow_limited_access):
            return Credentials(UserPrincipal(GUEST))
        if token == "service":
            return Credentials(ServicePrincipal("external:x"))
        raise AuthenticationError("Illegal token")


async def error_answer(request: Request, error: Exception) -> Response:
    document = error_document(error, method=request.method, url=str(request.url.path))
    return JSONResponse(document, error_status(error))


@pytest.fixture
def open_router(discovery: Any, keys: Any, users: Any) -> OpenRouter:
    @asynccontextmanager
    async def open_it(providers: Providers | None = None) -> AsyncIterator[httpx2.AsyncClient]:
        app = create_router(
            auth=FakeAuth(),  # type: ignore[arg-type]
            discovery=discovery,
            keys=keys,
            providers=providers or Providers(),
            users=users,
        )
        app.add_exception_handler(UnderstageError, error_answer)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            yield client

    return open_it


def says(text: str) -> Callable[[Request], Any]:
    async def handler(request: Request) -> Response:
        return PlainTextResponse(f"{text} {request.method}")

    return handler


async def test_the_key_set_lists_public_keys(open_router: OpenRouter, keys: Any) -> None:
    """P14: GET /.well-known/jwks.json answers the public keys; before the first token there are none."""
    async with open_router() as client:
        empty = await client.get("/.well-known/jwks.json")
        key = await keys.current_key()
        filled = await client.get("/.well-known/jwks.json")
    assert (empty.status_code, empty.text) == (200, '{"keys":[]}')
    assert filled.text == json.dumps({"keys": [key.public_jwk]}, separators=(",", ":"))
    assert filled.headers["content-type"] == "application/json; charset=utf-8"


async def test_the_openid_document_is_always_there(open_router: OpenRouter) -> None:
    """P17: GET /.well-known/openid-configuration tells issuer and endpoints without the OAuth server's extras."""
    async with open_router() as client:
        response = await client.get("/.well-known/openid-configuration")
    base = "http://localhost:7007/api/auth"
    algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"]
    assert list(response.json().items()) == [
        ("issuer", base),
        ("token_endpoint", f"{base}/v1/token"),
        ("userinfo_endpoint", f"{base}/v1/userinfo"),
        ("jwks_uri", f"{base}/.well-known/jwks.json"),
        ("response_types_supported", ["code", "id_token"]),
        ("subject_types_supported", ["public"]),
        ("id_token_signing_alg_values_supported", algorithms),
        ("scopes_supported", ["openid"]),
        ("token_endpoint_auth_methods_supported", ["client_secret_basic", "client_secret_post"]),
        ("claims_supported", ["sub", "ent"]),
        ("grant_types_supported", ["authorization_code"]),
        ("authorization_endpoint", f"{base}/v1/authorize"),
        ("code_challenge_methods_supported", ["S256", "plain"]),
    ]


@pytest.mark.parametrize("token", ["user", "limited"])
async def test_user_info_is_what_was_stored(open_router: OpenRouter, issuer: UserTokenIssuer, token: str) -> None:
    """P15: a user token and a limited one get the stored claims, ent included."""
    await issuer.issue(GUEST, [GUEST, "group:default/guests"], {})
    async with open_router() as client:
        response = await client.get("/v1/userinfo", headers={"Authorization": f"bearer {token}"})
    assert (response.status_code, response.text) == (
        200,
        f'{{"claims":{{"sub":"{GUEST}","ent":["{GUEST}","group:default/guests"]}}}}',
    )
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcg==", "Bearer a b"])
async def test_user_info_needs_a_token(open_router: OpenRouter, header: str | None) -> None:
    """P15: without a bearer token the answer is 401 `No token provided`."""
    async with open_router() as client:
        response = await client.get("/v1/userinfo", headers={} if header is None else {"Authorization": header})
    assert response.status_code == 401
    assert response.json()["error"] == {"name": "AuthenticationError", "message": "No token provided"}


async def test_user_info_needs_a_valid_token(open_router: OpenRouter) -> None:
    """P15: garbage is 401."""
    async with open_router() as client:
        response = await client.get("/v1/userinfo", headers={"Authorization": "Bearer garbage"})
    assert response.status_code == 401


async def test_user_info_needs_a_user(open_router: OpenRouter) -> None:
    """P15: a service's token is 400 InputError."""
    async with open_router() as client:
        response = await client.get("/v1/userinfo", headers={"Authorization": "Bearer service"})
    assert (response.status_code, response.json()["error"]["name"]) == (400, "InputError")


async def test_an_unknown_user_has_no_info(open_router: OpenRouter) -> None:
    """P15: a user of whom nothing is stored is 404 in plain text."""
    async with open_router() as client:
        response = await client.get("/v1/userinfo", headers={"Authorization": "Bearer user"})
    assert (response.status_code, response.text) == (404, "User info not found")
    assert response.headers["content-type"].startswith("text/plain")


async def test_a_provider_answers_its_routes(open_router: OpenRouter) -> None:
    """P1: GET start, GET and POST handler/frame and refresh, POST logout."""
    handlers = AuthProviderRouteHandlers(
        start=says("start"), frame_handler=says("frame"), refresh=says("refresh"), logout=says("logout")
    )
    async with open_router(Providers({"oauth": handlers})) as client:
        answers = [
            (await client.request(method, f"/oauth/{path}")).text
            for method, path in [
                ("GET", "start"),
                ("GET", "handler/frame"),
                ("POST", "handler/frame"),
                ("GET", "refresh"),
                ("POST", "refresh"),
                ("POST", "logout"),
            ]
        ]
    assert answers == ["start GET", "frame GET", "frame POST", "refresh GET", "refresh POST", "logout POST"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "start"), ("GET", "logout"), ("GET", "nope"), ("GET", ""), ("DELETE", "refresh")]
)
async def test_other_routes_of_a_provider_are_unknown(open_router: OpenRouter, method: str, path: str) -> None:
    """P2: whatever else is below a provider's name is 404 with the text for unknown providers."""
    handlers = AuthProviderRouteHandlers(start=says("x"), frame_handler=says("x"), refresh=says("x"), logout=says("x"))
    async with open_router(Providers({"oauth": handlers})) as client:
        response = await client.request(method, f"/oauth/{path}".rstrip("/"))
    assert response.status_code == 404
    assert response.json()["error"] == {"name": "NotFoundError", "message": "Unknown auth provider 'oauth'"}


async def test_routes_that_a_provider_leaves_out_are_not_there(open_router: OpenRouter) -> None:
    """P5: a provider without refresh and logout does not answer them."""
    handlers = AuthProviderRouteHandlers(start=says("x"), frame_handler=says("x"))
    async with open_router(Providers({"bare": handlers})) as client:
        for path in ("refresh", "logout"):
            response = await client.post(f"/bare/{path}")
            assert response.json()["error"]["message"] == "Unknown auth provider 'bare'"


@pytest.mark.parametrize("path", ["/github", "/github/start", "/github/handler/frame", "/github/x/y/z"])
async def test_providers_that_are_not_there_say_why(open_router: OpenRouter, path: str) -> None:
    """P2, P3: without a module, without configuration and with invalid configuration, each has its own 404 text."""
    outcomes = {
        "Unknown auth provider 'github'": Providers(),
        "No auth provider registered for 'github'": Providers(unconfigured=["github"]),
        "The auth provider 'github' is misconfigured: check auth.providers.github and the environment variables that"
        " it uses; the log of the start tells what is wrong": Providers(misconfigured=["github"]),
    }
    for message, providers in outcomes.items():
        async with open_router(providers) as client:
            response = await client.get(path)
        assert response.status_code == 404
        assert response.json()["error"] == {"name": "NotFoundError", "message": message}


@given(st.lists(st.text(max_size=5), max_size=4), st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_path_is_an_error_of_the_server(open_router: OpenRouter, segments: list[str], method: str) -> None:
    """P2, P18: whatever stands in a path, the answer is found, refused or unknown."""
    url = "http://testserver/" + "/".join(quote(segment, safe="") for segment in segments)
    handlers = AuthProviderRouteHandlers(start=says("x"), frame_handler=says("x"))
    async with open_router(Providers({"oauth": handlers})) as client:
        response = await client.request(method, url)
    assert response.status_code in (200, 401, 404, 405)


async def test_nobody_is_led_elsewhere(open_router: OpenRouter) -> None:
    """P18: a trailing slash is not redirected, not even one that would lead to another host."""
    async with open_router() as client:
        answers = [await client.get(f"http://testserver{path}") for path in ("//example.org/", "/v1/userinfo/")]
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("path", ["v1", "v1/", "v1/nope", "v1/authorize", ".well-known/nope", "nope/x/y"])
async def test_the_first_segment_names_the_provider(open_router: OpenRouter, path: str) -> None:
    """P2, P18: what is no route is taken for an unknown provider, as the stock backend does."""
    async with open_router() as client:
        response = await client.get(f"/{path}")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == f"Unknown auth provider '{path.split('/')[0]}'"
