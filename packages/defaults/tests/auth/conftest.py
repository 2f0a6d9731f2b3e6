"""An installation in miniature: plugins that share a clock, a database and a network of fakes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from tests.support.recording_logger import RecordingLogger

from understage.config import Config, config_from_data
from understage.defaults.auth import auth_service_factory
from understage.defaults.auth.decorator import PluginTokenHandlerDecorator
from understage.defaults.auth.factory import AuthRootContext
from understage.defaults.auth.key_sets import KeySets
from understage.defaults.auth.signatures import SigningKey, generate_signing_key, sign_token
from understage.defaults.auth.tokens import LIMITED_USER_TYPE, USER_TYPE
from understage.defaults.database.manager import DatabaseManager
from understage.plugin_api import AuthService, HttpResponse

BASE_URL = "http://backend.test:7007/api"
START = 1_795_250_000.0

Answer = Callable[[], Awaitable[HttpResponse]]


class Clock:
    """A clock that stands still until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Discovery:
    """Finds every plugin at one address."""

    async def get_base_url(self, plugin_id: str) -> str:
        return f"{BASE_URL}/{plugin_id}"

    async def get_external_base_url(self, plugin_id: str) -> str:
        return f"https://portal.example.com/api/{plugin_id}"


class Network:
    """An HTTP client whose answers are functions; unknown addresses answer 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []

    async def request(self, method: str, url: str, **_: object) -> HttpResponse:
        assert method == "GET"
        self.requests.append(url)
        await asyncio.sleep(0)
        answer = self.answers.get(url)
        return await answer() if answer is not None else HttpResponse(404, "Not Found", {}, b"")

    def serve_json(self, url: str, content: Callable[[], Any]) -> None:
        async def answer() -> HttpResponse:
            return HttpResponse(200, "OK", {}, json.dumps(content()).encode())

        self.answers[url] = answer

    def serve_status(self, url: str, status: int) -> None:
        async def answer() -> HttpResponse:
            return HttpResponse(status, "", {}, b"")

        self.answers[url] = answer

    def serve_error(self, url: str, error: Exception) -> None:
        async def answer() -> HttpResponse:
            raise error

        self.answers[url] = answer


class UserIssuer:
    """The auth plugin's part: tokens of users, and the keys behind them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.key = generate_signing_key("user-key")
        self.listed = [self.key.public_jwk()]

    def rotate(self, key_id: str) -> None:
        self.key = generate_signing_key(key_id)
        self.listed.append(self.key.public_jwk())

    def limited_token(self, sub: str = "user:default/jane", lifetime: int = 3600, **claims: Any) -> str:
        issued_at = int(self.clock())
        limited = {"sub": sub, "iat": issued_at, "exp": issued_at + lifetime}
        return sign_token(LIMITED_USER_TYPE, {**limited, **claims}, self.key)

    def token(self, sub: Any = "user:default/jane", lifetime: int = 3600, **claims: Any) -> str:
        """A full token; `name=...` (an ellipsis) leaves a claim out."""
        issued_at = int(self.clock())
        proof = self.limited_token("" if sub is ... else sub, lifetime).rpartition(".")[2]
        full = {
            "iss": f"{BASE_URL}/auth",
            "sub": sub,
            "aud": "backstage",
            "iat": issued_at,
            "exp": issued_at + lifetime,
            "uip": proof,
        }
        kept = {name: value for name, value in {**full, **claims}.items() if value is not ...}
        return sign_token(USER_TYPE, kept, self.key)


class Installation:
    """Creates auth services as a backend does, with the real factory and a real database."""

    plugin_keys_path = "/.backstage/auth/v1/jwks.json"
    user_keys_url = f"{BASE_URL}/auth/.well-known/jwks.json"

    def __init__(self) -> None:
        self.clock = Clock()
        self.logger = RecordingLogger()
        self.network = Network()
        self.discovery = Discovery()
        self.users = UserIssuer(self.clock)
        self.network.serve_json(self.user_keys_url, lambda: {"keys": self.users.listed})
        self.databases = DatabaseManager(
            config_from_data({"backend": {"database": {"client": "better-sqlite3", "connection": ":memory:"}}})
        )
        self.plugins: dict[str, AuthService] = {}

    def root_context(self) -> AuthRootContext:
        """What one process shares; a second call stands for a second process."""
        key_sets = KeySets(self.network, self.logger, clock=self.clock, sleep=self.clock.sleep)
        return AuthRootContext(key_sets, self.clock)

    async def plugin(
        self,
        plugin_id: str,
        auth_config: dict[str, Any] | None = None,
        *,
        config: Config | None = None,
        handlers: Sequence[Any] = (),
        decorate: PluginTokenHandlerDecorator = lambda handler: handler,
        database: Any = None,
    ) -> AuthService:
        """Creates a plugin's auth service, and serves its key set."""
        factory: Any = auth_service_factory.factory
        service: AuthService = await factory(
            root_context=self.root_context(),
            config=config or config_from_data({"backend": {"auth": auth_config or {}}}),
            logger=self.logger,
            discovery=self.discovery,
            database=database or self.databases.for_plugin(plugin_id),
            plugin=_Plugin(plugin_id),
            handlers=handlers,
            decorate=decorate,
        )

        async def answer() -> HttpResponse:
            return HttpResponse(200, "OK", {}, json.dumps(await service.list_public_service_keys()).encode())

        self.network.answers[self.plugin_keys_url(plugin_id)] = answer
        return service

    def plugin_keys_url(self, plugin_id: str) -> str:
        return f"{BASE_URL}/{plugin_id}{self.plugin_keys_path}"

    def forge(self, token_type: str | None, claims: dict[str, Any], key: SigningKey | None = None) -> str:
        """Signs anything, by default with a key that nobody lists."""
        return sign_token(token_type or "JWT", claims, key or generate_signing_key("forged"))


class _Plugin:
    def __init__(self, plugin_id: str) -> None:
        self.id = plugin_id


@pytest.fixture
async def installation() -> AsyncIterator[Installation]:
    made = Installation()
    yield made
    await made.databases.close()
