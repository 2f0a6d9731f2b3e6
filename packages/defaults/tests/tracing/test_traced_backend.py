"""Spans that nobody had to ask for: of requests, of the start, of the HTTP client and of the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from understage.defaults import create_backend
from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.defaults.tracing.database import TracedDatabase
from understage.defaults.tracing.http_client import TracedHttpClient
from understage.defaults.tracing.requests import trace_requests
from understage.plugin_api import (
    Database,
    HttpRouter,
    ModuleRegistrationPoints,
    PluginRegistrationPoints,
    Receive,
    RootHttpClient,
    Scope,
    Send,
    create_backend_module,
    create_backend_plugin,
)
from understage.plugin_api import core_services as services
from understage.testing import MockHttpClient, TestDatabases, json_response, mock_services
from understage.wiring import Backend, BackendStartupError, StartReport

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@create_backend_plugin(plugin_id="shop")
def shop(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(client: RootHttpClient, database: Database, http_router: HttpRouter) -> None:
        await database.execute("CREATE TABLE things (id TEXT)")

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            if scope["path"].endswith("/broken"):
                raise ValueError("broken")
            if scope["path"].endswith("/twice"):
                port = scope["server"][1]
                response = await client.request("GET", f"http://127.0.0.1:{port}/api/shop/once?secret=1")
                assert response.status == 200
            async with database.transaction() as transaction:
                await transaction.execute("INSERT INTO things (id) VALUES ($1)", "secret")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        http_router.use(app)
        http_router.add_auth_policy(path="/", allow="unauthenticated")


@create_backend_module(plugin_id="shop", module_id="slow")
def slow(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init() -> None:
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Thing:
    """A row."""

    a: int


@create_backend_plugin(plugin_id="torn")
def torn(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init() -> None:
        raise ValueError("no")


def config_of(tracing: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "backend": {
            "baseUrl": "http://localhost",
            "listen": {"host": "127.0.0.1", "port": 0},
            "database": {"client": "better-sqlite3", "connection": ":memory:"},
            **({} if tracing is None else {"tracing": tracing}),
        }
    }


@asynccontextmanager
async def running(tracing: dict[str, Any] | None, *features: Any) -> AsyncIterator[tuple[Backend, httpx2.AsyncClient]]:
    """Runs a real backend with a plugin, and gives a client of its port."""
    backend = create_backend()
    for feature in (shop, slow, *features, mock_services.root_config.factory(config_of(tracing))):
        backend.add(feature)
    async with backend:
        router: Any = await backend.services.get(services.root_http_router)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{router.port}") as client:
            yield backend, client


async def test_a_request_from_end_to_end(spans: Any) -> None:
    """S111: with tracing a request, what it asks others, and its statements are one trace, begun by the caller's."""
    async with running({"enabled": True}) as (_, client):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert (await client.get("/api/shop/twice?secret=1", headers=headers)).status_code == 200
    mine = [span for span in spans.all if f"{span.context.trace_id:032x}" == TRACE]
    by_id = {span.context.span_id: span for span in mine}
    paths = []
    for span in mine:
        path = [span.name]
        parent = span.parent
        while parent is not None and parent.span_id in by_id:
            path.insert(0, by_id[parent.span_id].name)
            parent = by_id[parent.span_id].parent
        assert f"{parent.span_id:016x}" == PARENT
        paths.append(path)
    outer, inner = "GET /api/shop", ["GET /api/shop", "GET", "GET /api/shop"]
    assert sorted(paths) == sorted([[outer], [outer, "GET"], inner, [*inner, "INSERT"], [outer, "INSERT"]])
    assert all("secret" not in str(dict(span.attributes)) for span in mine)
    server = next(span for span in mine if span.kind.name == "SERVER" and span.attributes["url.path"].endswith("twice"))
    assert dict(server.attributes) == {
        "http.request.method": "GET",
        "url.path": "/api/shop/twice",
        "url.scheme": "http",
        "client.address": "127.0.0.1",
        "http.response.status_code": 200,
        "backstage.plugin.id": "shop",
    }
    statement = next(span for span in mine if span.name == "INSERT")
    assert dict(statement.attributes) == {
        "db.system.name": "sqlite",
        "db.query.text": "INSERT INTO things (id) VALUES ($1)",
        "backstage.plugin.id": "shop",
    }


async def test_requests_that_fail(spans: Any) -> None:
    """S111: an answer of 500 or above fails the span; that nobody is there, or may be, does not."""
    async with running({"enabled": True}) as (_, client):
        await client.get("/api/shop/broken")
        await client.get("/api/nobody")
    broken, missing = spans.one("GET /api/shop"), spans.one("GET")
    assert (broken.status.status_code.name, broken.attributes["error.type"]) == ("ERROR", "500")
    assert (missing.status.status_code.name, missing.attributes["http.response.status_code"]) == ("UNSET", 404)


async def test_the_start(spans: Any) -> None:
    """S111: with tracing the start is a span, with one for each plugin and module in it."""
    async with running({"enabled": True}):
        pass
    whole, plugin, module = (spans.one(name) for name in ("start", "start shop", "start shop slow"))
    assert (plugin.parent.span_id, module.parent.span_id) == (whole.context.span_id, plugin.context.span_id)
    assert whole.start_time <= plugin.start_time <= module.start_time
    assert module.end_time <= plugin.end_time <= whole.end_time
    assert (module.end_time - module.start_time) / 1e9 >= 0.019
    assert dict(module.attributes) == {"backstage.plugin.id": "shop", "understage.module.id": "slow"}


async def test_a_start_that_fails(spans: Any) -> None:
    """S111: the span of what failed in the start says so."""
    with pytest.raises(BackendStartupError):
        await running({"enabled": True}, torn).__aenter__()
    names = {span.name: span.status.status_code.name for span in spans.all}
    assert (names["start"], names["start shop"], names["start torn"]) == ("ERROR", "UNSET", "ERROR")


@pytest.mark.parametrize("tracing", [None, {"enabled": False}])
async def test_nothing_is_wrapped_without_tracing(
    tracing: dict[str, Any] | None, spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S111: without tracing there is no layer around requests, client or database, and no span of the start."""
    if tracing is None:
        monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    async with running(tracing) as (backend, client):
        assert (await client.get("/api/shop/once")).status_code == 200
        assert isinstance(await backend.services.get(services.root_http_client), DefaultRootHttpClient)
        assert not isinstance(await backend.services.get(services.database, "shop"), TracedDatabase)
        router: Any = await backend.services.get(services.root_http_router)
        assert "traced" not in router.app.__qualname__
    assert spans.all == ()


async def test_tracing_without_an_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """S111: switched on before, or without, an operator's SDK, everything works, and a caller's trace is passed on."""
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    async with running({"enabled": True}) as (_, client):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert (await client.get("/api/shop/twice", headers=headers)).status_code == 200
        assert (await client.get("/api/shop/broken")).status_code == 500


async def test_an_sdk_that_was_set_up_is_used(spans: Any) -> None:
    """S111: if the process has set up the SDK, a backend whose configuration says nothing is traced."""
    async with running(None):
        pass
    assert spans.one("start shop")


async def test_the_http_client(spans: Any) -> None:
    """S111: a span of the HTTP client tells where it went and what came of it; the caller's own headers win."""
    routes = {"GET https://me:pw@example.com/x": json_response({}, status=404)}
    inner = MockHttpClient({**routes, "POST http://example.com:8080/": json_response({})})
    client = TracedHttpClient(inner)
    await client.request("GET", "https://me:pw@example.com/x?token=1", headers={"X-A": "b"})
    await client.request("POST", "http://example.com:8080/", headers={"traceparent": "mine"})
    get, post = spans.one("GET"), spans.one("POST")
    assert dict(get.attributes) == {
        "http.request.method": "GET",
        "url.full": "https://example.com/x",
        "server.address": "example.com",
        "server.port": 443,
        "http.response.status_code": 404,
        "error.type": "404",
    }
    assert (get.kind.name, get.status.status_code.name, post.attributes["server.port"]) == ("CLIENT", "ERROR", 8080)
    sent = [request.headers for request in inner.requests]
    assert sent[0]["traceparent"].startswith(f"00-{get.context.trace_id:032x}-{get.context.span_id:016x}-")
    assert (sent[0]["x-a"], sent[1]["traceparent"]) == ("b", "mine")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:99999/"])
async def test_requests_without_an_answer(spans: Any, url: str) -> None:
    """S111: a request that nobody answers, or whose address is none, fails its span."""
    inner = DefaultRootHttpClient()
    try:
        with pytest.raises(Exception, match=r"127\.0\.0\.1"):
            await TracedHttpClient(inner).request("GET", url)
    finally:
        await inner.close()
    assert spans.one("GET").status.status_code.name == "ERROR"


async def test_statements(spans: Any, test_databases: TestDatabases) -> None:
    """S111: each statement of a plugin has a span, in transactions, too, with its text but not its values."""
    for kind in test_databases.supported_ids():
        inner = await test_databases.init(kind)
        database = TracedDatabase(inner, "shop")
        assert database.migrations.skip == inner.migrations.skip
        await database.execute("create table t (a INTEGER)")
        await database.execute_many("INSERT INTO t (a) VALUES ($1)", [(1,), (2,)])
        await database.copy("t", ["a"], [(3,)])
        assert await database.fetch("SELECT a FROM t ORDER BY a") == [(1,), (2,), (3,)]
        assert await database.fetch("SELECT a FROM t WHERE a = $1", 3, row_type=Thing) == [Thing(3)]
        assert await database.fetch_row("SELECT 5", row_type=Thing) == Thing(5)
        async with database.transaction() as transaction, transaction.transaction() as nested:
            assert nested.dialect == database.dialect
            assert await nested.fetch_row("  SELECT 7") == (7,)
        async with database.listen("changes") as payloads:
            await database.notify("changes", "x")
            assert await anext(payloads) == "x"
        with pytest.raises(Exception, match="nowhere"):
            await database.fetch("SELECT 1 FROM nowhere")
        assert (await database.engine()) is await inner.engine()
    names = [span.name for span in spans.all]
    expected = ["CREATE", "INSERT", "COPY", *["SELECT"] * 5]
    assert names == expected * len(test_databases.supported_ids())
    assert [span.status.status_code.name for span in spans.all[:8]] == ["UNSET"] * 7 + ["ERROR"]
    assert spans.all[1].attributes["db.query.text"] == "INSERT INTO t (a) VALUES ($1)"


async def test_migrations(spans: Any, test_databases: TestDatabases) -> None:
    """S111: bringing a plugin's tables up to date is a span of its own."""
    inner = await test_databases.init("SQLITE", skip_migrations=True)
    await TracedDatabase(inner, "shop").migrate("shop")
    assert spans.attributes("migrate shop") == {"backstage.plugin.id": "shop"}


async def test_other_protocols(spans: Any) -> None:
    """S111: what is no HTTP request passes without a span."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    await trace_requests(app)({"type": "websocket"}, never, never)
    assert (seen, spans.all) == (["websocket"], ())


async def test_an_app_that_raises(spans: Any) -> None:
    """S111: what leaves the outermost layer fails the span of the request, and goes on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await trace_requests(app)({"type": "http", "method": "GET", "path": "/", "headers": []}, never, never)
    assert spans.attributes("GET")["error.type"] == "ValueError"


async def never(*arguments: object) -> Any:
    raise NotImplementedError


async def test_listeners_of_the_start_cannot_break_it() -> None:
    """S111: who only listens to the start does not change how it ends."""
    seen: list[StartReport] = []

    async def broken(backend: Backend, report: StartReport) -> None:
        raise ValueError("no")

    async def listen(backend: Backend, report: StartReport) -> None:
        seen.append(report)

    backend = Backend(start_listeners=[broken, listen], process_handlers=False)
    async with backend:
        assert [report.outcome for report in seen] == ["success"]
