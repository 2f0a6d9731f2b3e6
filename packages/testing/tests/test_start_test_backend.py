import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Protocol

import pytest
from httpx2 import AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from understage.errors import InputError, NotFoundError, ServiceUnavailableError
from understage.plugin_api import (
    Auth,
    BackendPlugin,
    Database,
    Discovery,
    HttpAuth,
    HttpRouter,
    Lifecycle,
    LifecycleService,
    Logger,
    ModuleRegistrationPoints,
    PluginRegistrationPoints,
    RootConfig,
    RootHttpClient,
    RootInstanceMetadata,
    UserInfoReader,
    core_services,
    create_backend_module,
    create_backend_plugin,
    create_extension_point,
    create_service_factory,
)
from understage.plugin_api.asgi import ASGIApp
from understage.testing import TestBackend, mock_credentials, mock_services, start_test_backend
from understage.testing.backend.running import running_backends
from understage.wiring import BackendStartupError, BackendStateError


class Sources(Protocol):
    def add(self, name: str) -> None: ...


class Targets(Protocol):
    def add(self, name: str) -> None: ...


class Names:
    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, name: str) -> None:
        self.names.append(name)


sources_ref = create_extension_point(Sources, id="shop.sources")
targets_ref = create_extension_point(Targets, id="store.targets")
SourcesPoint = Annotated[Sources, sources_ref]
TargetsPoint = Annotated[Targets, targets_ref]


@create_backend_module(plugin_id="shop", module_id="books")
def books_module(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init(sources: SourcesPoint) -> None:
        sources.add("books")


@create_backend_module(plugin_id="store", module_id="shelf")
def shelf_module(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init(targets: TargetsPoint) -> None:
        targets.add("shelf")


def plugin_with(app: ASGIApp, plugin_id: str = "shop") -> BackendPlugin[[]]:
    @create_backend_plugin(plugin_id=plugin_id)
    def plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_router: HttpRouter) -> None:
            http_router.use(app)

    return plugin


async def hello(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"})


async def fail(request: Request) -> JSONResponse:
    raise NotFoundError("no such thing")


async def stream(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    return StreamingResponse(parts())


APP = Starlette(routes=[Route("/hello", hello), Route("/fail", fail), Route("/stream", stream)])


async def test_a_backend_without_features_starts() -> None:
    """T1, T4: a test backend starts without features and is healthy."""
    async with start_test_backend() as backend:
        assert (await backend.client.get("/.backstage/health/v1/readiness")).json() == {"status": "ok"}
        assert (await backend.client.get("/api/nothing")).status_code == 404


async def test_the_client_reaches_the_backend_in_process() -> None:
    """T1: without listen=True no port is open, and the client still reaches every route."""
    async with start_test_backend(features=[plugin_with(APP)]) as backend:
        assert (await backend.client.get("/api/shop/hello")).json() == {"hello": "world"}
        assert (await backend.client.get(f"{backend.url}/api/shop/hello")).status_code == 200
        document = (await backend.client.get("/api/shop/fail")).json()
        assert document["error"]["name"] == "NotFoundError"
        with pytest.raises(RuntimeError, match="listen=True"):
            backend.server.port()


async def test_a_port_can_be_opened() -> None:
    """T1: with listen=True the backend listens on a random port of this machine, until it is stopped."""
    async with start_test_backend(features=[plugin_with(APP)], listen=True) as backend:
        assert backend.url == f"http://127.0.0.1:{backend.server.port()}"
        async with AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{backend.url}/api/shop/hello")).json() == {"hello": "world"}
            async with client.stream("GET", f"{backend.url}/api/shop/stream") as response:
                assert b"".join([part async for part in response.aiter_bytes()]) == b"onetwo"
        assert (await backend.client.get("/api/shop/hello")).status_code == 200
        port = backend.server.port()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_outside_layers_are_left_out() -> None:
    """T4: answers carry no security headers, no CORS headers and no compression."""
    async with start_test_backend(features=[plugin_with(APP)]) as backend:
        response = await backend.client.get(
            "/api/shop/hello", headers={"Accept-Encoding": "gzip", "Origin": "http://x"}
        )
        for header in ("content-security-policy", "access-control-allow-origin", "content-encoding"):
            assert header not in response.headers


async def test_services_are_mocked_or_real() -> None:
    """T4, T6: auth, user info, config and the root logger are mocked; database, lifecycle and router are real."""
    seen: dict[str, Any] = {}

    @create_backend_plugin(plugin_id="shop")
    def plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(
            auth: Auth,
            config: RootConfig,
            database: Database,
            discovery: Discovery,
            http_auth: HttpAuth,
            lifecycle: Lifecycle,
            logger: Logger,
            metadata: RootInstanceMetadata,
            user_info: UserInfoReader,
        ) -> None:
            seen["own"] = (await auth.get_own_service_credentials()).principal.subject
            seen["source"] = config.source_names
            seen["sum"] = await database.fetch("SELECT 1 + 1")
            seen["url"] = await discovery.get_base_url("other")
            seen["user"] = (await user_info.get_user_info(mock_credentials.user())).ownership_entity_refs
            seen["plugins"] = [plugin.plugin_id for plugin in await metadata.get_installed_plugins()]
            lifecycle.add_startup_hook(lambda: seen.setdefault("started", True) and None)
            logger.error("hidden")

    async with start_test_backend(features=[plugin]) as backend:
        assert seen == {
            "own": "plugin:shop",
            "source": ("mock-config",),
            "sum": [(2,)],
            "url": f"{backend.url}/api/other",
            "user": ["user:default/mock"],
            "plugins": ["shop"],
            "started": True,
        }
        assert await backend.service(core_services.root_logger) is not None


async def test_features_win_over_defaults() -> None:
    """T4, T5: service factories, and mocks as they are, replace the test backend's own services."""
    logger = mock_services.logger.mock()

    @create_backend_plugin(plugin_id="shop")
    def plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(logger: Logger, config: RootConfig) -> None:
            logger.info(config.get_string("shop.name"))

    config = mock_services.root_config.factory({"shop": {"name": "Corner"}})
    async with start_test_backend(features=[plugin, config, logger]):
        logger.info.assert_called_once_with("Corner")


@pytest.mark.parametrize("listen", [False, True])
async def test_plugins_reach_each_other(listen: bool) -> None:
    """T4: discovery points at the test backend, and the HTTP client gets there, with or without a port."""

    @create_backend_plugin(plugin_id="asking")
    def asking_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(auth: Auth, client: RootHttpClient, discovery: Discovery, http_router: HttpRouter) -> None:
            async def ask(request: Request) -> JSONResponse:
                token = await auth.get_plugin_request_token(
                    on_behalf_of=await auth.get_own_service_credentials(), target_plugin_id="shop"
                )
                url = f"{await discovery.get_base_url('shop')}/who"
                answer = await client.request("GET", url, headers={"Authorization": f"Bearer {token}"})
                return JSONResponse({"status": answer.status, "body": answer.json()})

            http_router.use(Starlette(routes=[Route("/", ask)]))

    @create_backend_plugin(plugin_id="shop")
    def answering_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_auth: HttpAuth, http_router: HttpRouter) -> None:
            async def who(request: Request) -> JSONResponse:
                credentials = await http_auth.credentials(request, allow=["service"])
                return JSONResponse({"subject": credentials.principal.subject})

            http_router.use(Starlette(routes=[Route("/who", who)]))

    async with start_test_backend(features=[asking_plugin, answering_plugin], listen=listen) as backend:
        response = await backend.client.get("/api/asking/")
        assert response.json() == {"status": 200, "body": {"subject": "plugin:asking"}}


async def test_other_addresses_are_really_asked() -> None:
    """T4: requests to the outside leave the process."""
    async with start_test_backend() as backend:
        client = await backend.service(core_services.root_http_client)
        with pytest.raises(ServiceUnavailableError, match=r"http://127\.0\.0\.1:1/x failed"):
            await client.request("GET", "http://127.0.0.1:1/x")


async def test_orphan_modules_get_a_plugin() -> None:
    """T2: a module whose plugin is not among the features runs all the same."""
    ran: list[str] = []

    @create_backend_module(plugin_id="elsewhere", module_id="alone")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(logger: Logger) -> None:
            ran.append("alone")

    async with start_test_backend(features=[module]) as backend:
        assert ran == ["alone"]
        (plugin,) = backend.backend.result.plugins if backend.backend.result else ()
        assert (plugin.plugin_id, [found.module_id for found in plugin.modules]) == ("elsewhere", ["alone"])


async def test_extension_points_are_faked() -> None:
    """T3: a fake of an extension point belongs to the plugin whose module consumes it; several plugins at once work."""
    sources, targets = Names(), Names()
    async with start_test_backend(
        features=[books_module, shelf_module], extension_points=[(sources_ref, sources), (targets_ref, targets)]
    ):
        assert (sources.names, targets.names) == (["books"], ["shelf"])


async def test_modules_register_once() -> None:
    """T3: looking for the consumers of a fake does not make a module register twice."""
    registered: list[str] = []
    provided = create_extension_point(Targets, id="shop.provided")
    names = Names()

    @create_backend_module(plugin_id="shop", module_id="counting")
    def module(env: ModuleRegistrationPoints) -> None:
        registered.append(env.module_id)
        env.register_extension_point(provided, names)

        @env.register_init
        async def init(sources: SourcesPoint) -> None:
            sources.add(env.plugin_id)

    fake = Names()
    async with start_test_backend(features=[module], extension_points=[(sources_ref, fake)]):
        assert (registered, fake.names) == (["counting"], ["shop"])


async def test_fakes_that_nobody_consumes_are_an_error() -> None:
    """T3: when no module under test consumes an extension point, the error names it and says what to do."""
    with pytest.raises(InputError, match=r"no module under test consumes extensionPoint\{store\.targets\}.*\n.*hint"):
        async with start_test_backend(features=[books_module], extension_points=[(targets_ref, Names())]):
            pass


async def test_features_may_be_awaited_or_called() -> None:
    """T1: features may be whatever backend.add takes, such as awaitables and functions."""
    sources, targets = Names(), Names()

    async def later() -> Any:
        return books_module

    async with start_test_backend(
        features=[later(), lambda: shelf_module()],
        extension_points=[(sources_ref, sources), (targets_ref, targets)],
    ):
        assert (sources.names, targets.names) == (["books"], ["shelf"])


async def test_what_is_no_feature_fails_the_start() -> None:
    """T1: something that is no feature fails the start with the backend's own message."""
    with pytest.raises(BackendStartupError, match="is no feature"):
        async with start_test_backend(features=[3]):
            pass


async def test_a_failing_start_is_raised_and_cleaned_up() -> None:
    """T1: a start that fails raises, and leaves no backend and no open port behind."""
    stopped: list[str] = []

    class Stopping(Protocol):
        pass

    @create_service_factory(service=core_services.lifecycle)
    def lifecycle() -> LifecycleService:
        found = mock_services.lifecycle()
        found.add_shutdown_hook(lambda: stopped.append("lifecycle"))
        return found

    @create_backend_plugin(plugin_id="broken")
    def plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(lifecycle: Lifecycle) -> None:
            raise RuntimeError("boom")

    before = set(running_backends)
    with pytest.raises(BackendStartupError, match="RuntimeError: boom"):
        async with start_test_backend(features=[plugin, lifecycle], listen=True):
            pass
    assert stopped == ["lifecycle"]
    assert set(running_backends) == before


async def test_a_backend_can_be_awaited() -> None:
    """T1: `await` gives a running backend too, which `stop` stops; stopping twice does no harm."""
    backend = await start_test_backend(features=[plugin_with(APP)])
    assert isinstance(backend, TestBackend)
    assert backend in running_backends
    await backend.stop()
    await backend.stop()
    assert backend not in running_backends
    with pytest.raises(BackendStateError):
        await backend.backend.start()


async def test_a_replaced_root_router_has_no_client() -> None:
    """T4: when the root HTTP router is a mock without an app, the client says so."""
    async with start_test_backend(features=[mock_services.root_http_router.mock()]) as backend:
        with pytest.raises(RuntimeError, match="root HTTP router was replaced"):
            _ = backend.client
