"""The auth services in a backend that listens: everything is real but the identity of the callers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest

from understage.config import ConfigError, config_from_data
from understage.defaults.auth import (
    ExternalCaller,
    PluginTokenHandler,
    PluginTokenHandlerDecorator,
    external_token_handlers,
    plugin_token_handler_decorator,
)
from understage.defaults.backend import default_service_factories
from understage.plugin_api import (
    Auth,
    Discovery,
    HttpAuth,
    HttpRouter,
    PluginFeature,
    PluginRegistrationPoints,
    Receive,
    RootHttpClient,
    Scope,
    Send,
    core_services,
    create_backend_plugin,
    create_service_factory,
)
from understage.plugin_api.credentials import principal_key
from understage.wiring import Backend, BackendStartupError

STATIC = {"type": "static", "options": {"token": "some-static-token", "subject": "ci"}}


def chain(plugin_id: str, next_id: str | None = None) -> PluginFeature:
    """A plugin that answers who calls it, and who its own call to the next plugin appears to be."""

    @create_backend_plugin(plugin_id=plugin_id)
    def plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(
            auth: Auth, http_auth: HttpAuth, router: HttpRouter, discovery: Discovery, client: RootHttpClient
        ) -> None:
            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] != "http":
                    return
                credentials = await http_auth.credentials(scope, allow=["user", "service"])
                answer = [principal_key(credentials.principal)]
                if next_id is not None:
                    token = await auth.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id=next_id)
                    url = f"{await discovery.get_base_url(next_id)}/who"
                    response = await client.request("GET", url, headers={"authorization": f"Bearer {token}"})
                    answer += response.json() if response.status == 200 else [response.body.decode()]
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": msgspec.json.encode(answer)})

            router.use(app)

    return plugin()


@asynccontextmanager
async def running(auth_config: dict[str, Any], *features: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Starts a backend on a free port of the loopback interface."""
    config = config_from_data(
        {
            "backend": {
                "baseUrl": "http://localhost:7007",
                "listen": {"host": "127.0.0.1", "port": 0},
                "database": {"client": "better-sqlite3", "connection": ":memory:"},
                "auth": auth_config,
            }
        },
        "app-config.yaml",
    )

    @create_service_factory(service=core_services.root_config)
    def root_config() -> Any:
        return config

    started: list[Any] = []

    @create_backend_plugin(plugin_id="port")
    def port(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(discovery: Discovery) -> None:
            started.append(await discovery.get_base_url("one"))

    backend = Backend(default_service_factories)
    for feature in (root_config, port, *features):
        backend.add(feature)
    try:
        await backend.start()
        base_url = started[0].removesuffix("/one")
        async with httpx2.AsyncClient(base_url=base_url, trust_env=False) as client:
            yield client
    finally:
        await backend.stop()


async def ask(client: httpx2.AsyncClient, path: str, token: str) -> httpx2.Response:
    return await client.get(path, headers={"Authorization": f"Bearer {token}"})


async def test_plugins_call_each_other() -> None:
    """A20, A31, A44: in a backend plugins trust each other's tokens through key sets served over HTTP."""
    async with running(
        {"externalAccess": [STATIC]}, chain("one", "two"), chain("two", "three"), chain("three")
    ) as client:
        response = await ask(client, "/one/who", "some-static-token")
        assert response.json() == ["service:ci", "service:plugin:one", "service:plugin:two"]
        keys = (await client.get("/one/.backstage/auth/v1/jwks.json")).json()
        assert [key["alg"] for key in keys["keys"]] == ["ES256"]
        assert (await client.get("/three/.backstage/auth/v1/jwks.json")).json() == {"keys": []}


async def test_restricted_token_in_a_backend() -> None:
    """A66: a restricted token is a 403 on other plugins, on routes that do not exist too."""
    access = {**STATIC, "accessRestrictions": [{"plugin": "one"}]}
    async with running({"externalAccess": [access]}, chain("one"), chain("two")) as client:
        assert (await ask(client, "/one/who", "some-static-token")).status_code == 200
        response = await ask(client, "/two/nowhere", "some-static-token")
        assert response.status_code == 403
        assert response.json()["error"] == {
            "name": "NotAllowedError",
            "message": "This token's access is restricted to plugin(s) 'one'",
        }


async def test_services_of_an_installation() -> None:
    """A60, A67: an installation's own external handlers and token decorator are injected."""

    class Handler:
        type = "shout"

        def create_verifier(self, options: Any) -> Any:
            async def verify(token: str) -> ExternalCaller | None:
                return ExternalCaller("shouter") if token.isupper() else None

            return verify

    @create_service_factory(service=external_token_handlers)
    def shouting() -> Handler:
        return Handler()

    issued: list[str] = []

    class Counting:
        def __init__(self, inner: PluginTokenHandler) -> None:
            self.verify_token = inner.verify_token
            self.inner = inner

        async def issue_token(self, *, target_plugin_id: str, on_behalf_of: Any = None) -> str:
            issued.append(target_plugin_id)
            return await self.inner.issue_token(target_plugin_id=target_plugin_id, on_behalf_of=on_behalf_of)

    @create_service_factory(service=plugin_token_handler_decorator)
    def counting() -> PluginTokenHandlerDecorator:
        return Counting

    access = {"externalAccess": [{"type": "shout", "options": {}}]}
    async with running(access, chain("one", "two"), chain("two"), shouting, counting) as client:
        response = await ask(client, "/one/who", "LET-ME-IN")
        assert response.json() == ["service:shouter", "service:plugin:one"]
        assert (await ask(client, "/one/who", "let-me-in")).status_code == 401
    assert issued == ["two"]


async def test_bad_configuration_fails_the_start() -> None:
    """A60: a wrong entry fails the start, with its key and source named."""
    with pytest.raises(BackendStartupError) as caught:
        async with running({"externalAccess": [{"type": "magic", "options": {}}]}, chain("one")):
            pytest.fail("the backend started")
    assert "app-config.yaml: backend.auth.externalAccess[0].type: unknown type 'magic'" in str(caught.value)
    failures = [plugin.failure for plugin in caught.value.result.plugins if plugin.failure is not None]
    assert any(isinstance(_root_cause(failure.error), ConfigError) for failure in failures)


def _root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
