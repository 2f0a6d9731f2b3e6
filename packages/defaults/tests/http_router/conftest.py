"""Fakes and a client for a plugin's HTTP router."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.support.recording_logger import RecordingLogger

from understage.config import config_from_data
from understage.defaults.http_router import http_router_service_factory
from understage.defaults.http_router.http_router import DefaultHttpRouter
from understage.defaults.lifecycle import DefaultLifecycle
from understage.defaults.root_health import DefaultRootHealth
from understage.defaults.root_http_router import DefaultRootHttpRouter, RootPipeline
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_lifecycle import DefaultRootLifecycle
from understage.errors import AuthenticationError, NotAllowedError
from understage.plugin_api import Credentials, NonePrincipal, ServicePrincipal, UserPrincipal

EXPIRY = datetime(2026, 11, 21, 9, 29, 32, tzinfo=UTC)


class FakeAuth:
    """Has one key."""

    async def list_public_service_keys(self) -> dict[str, list[dict[str, Any]]]:
        return {"keys": [{"kid": "k", "alg": "ES256"}]}

    async def get_none_credentials(self) -> Credentials[NonePrincipal]:
        return Credentials(NonePrincipal())


class FakeHttpAuth:
    """Knows the tokens `user`, `service` and `limited`; the last one also as a cookie."""

    def __init__(self) -> None:
        self.calls = 0

    async def credentials(
        self, request: Any, *, allow: Any = None, allow_limited_access: bool = False
    ) -> Credentials[Any]:
        self.calls += 1
        headers = dict((request if isinstance(request, dict) else request.scope)["headers"])
        token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        if not token and allow_limited_access:
            token = headers.get(b"cookie", b"").decode().removeprefix("backstage-auth=")
        principals: dict[str, UserPrincipal | ServicePrincipal | NonePrincipal] = {
            "user": UserPrincipal("user:default/jane"),
            "limited": UserPrincipal("user:default/jane"),
            "service": ServicePrincipal("plugin:other"),
            "": NonePrincipal(),
        }
        if token not in principals or (token == "limited" and not allow_limited_access):
            raise AuthenticationError("Illegal token")
        principal = principals[token]
        if allow is not None and principal.type not in allow:
            if isinstance(principal, NonePrincipal):
                raise AuthenticationError("Missing credentials")
            raise NotAllowedError(f"This endpoint does not allow '{principal.type}' credentials")
        return Credentials(principal, EXPIRY)

    async def issue_user_cookie(self, request: Any, response: Any, *, credentials: Any = None) -> datetime | None:
        credentials = credentials or await self.credentials(request, allow=["user"])
        if isinstance(credentials.principal, NonePrincipal):
            response.headers.append("Set-Cookie", "backstage-auth=; Path=/")
            return None
        response.headers.append("Set-Cookie", "backstage-auth=limited; Path=/")
        return EXPIRY + timedelta(microseconds=1)


@dataclass
class Metadata:
    id: str


@dataclass
class Plugin:
    """A plugin's router in a backend, with a client for its paths."""

    router: DefaultHttpRouter
    lifecycle: DefaultLifecycle
    client: httpx2.AsyncClient
    root: DefaultRootHttpRouter
    http_auth: FakeHttpAuth
    logger: RecordingLogger

    async def get(self, path: str = "", token: str | None = "user", **kwargs: Any) -> httpx2.Response:
        headers = kwargs.pop("headers", {})
        if token:
            headers = {"authorization": f"Bearer {token}", **headers}
        return await self.client.request(kwargs.pop("method", "GET"), f"/api/test{path}", headers=headers, **kwargs)


@pytest.fixture
def make_plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plugin]:
    """Returns a function that builds the router of the plugin `test` from configuration data."""

    def make(data: dict[str, Any] | None = None, *, development: bool = False, plugin_id: str = "test") -> Plugin:
        monkeypatch.setenv("UNDERSTAGE_ENV", "development" if development else "production")
        config = config_from_data(data or {})
        logger = RecordingLogger()
        root_lifecycle = DefaultRootLifecycle(logger)
        errors = ErrorAnswers(logger, development=development)
        root = DefaultRootHttpRouter(errors)
        health = DefaultRootHealth(root_lifecycle)
        root.app = RootPipeline(root.route, config, logger, health, errors, development).default()
        lifecycle = DefaultLifecycle(logger, owner=f"plugin '{plugin_id}'")
        http_auth = FakeHttpAuth()
        router = http_router_service_factory.factory(
            auth=FakeAuth(),
            config=config,
            http_auth=http_auth,
            lifecycle=lifecycle,
            logger=logger,
            plugin=Metadata(plugin_id),
            root_lifecycle=root_lifecycle,
            root_http_router=root,
        )
        assert isinstance(router, DefaultHttpRouter)
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(root.app, client=("192.0.2.7", 4711)),
            base_url="http://localhost:7007",
            headers={"accept-encoding": "identity"},
        )
        return Plugin(router, lifecycle, client, root, http_auth, logger)

    return make
