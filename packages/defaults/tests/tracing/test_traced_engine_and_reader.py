"""Spans of SQLAlchemy engines and of the URL reader."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import trace
from sqlalchemy import text

from understage.defaults.tracing.database import TracedDatabase
from understage.defaults.url_reader import url_reader_service_factory
from understage.errors import NotFoundError
from understage.plugin_api import DatabaseService, UrlReaderService, core_services
from understage.testing import ServiceFactoryTester, mock_services


async def test_statements_of_the_engine(spans: Any, database: DatabaseService) -> None:
    """S112: statements of the SQLAlchemy engine have spans with their text, without values; failing ones say why."""
    traced = TracedDatabase(database, "shop")
    engine = await traced.engine()
    assert await traced.engine() is engine
    with trace.get_tracer("test").start_as_current_span("around") as around:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE t (n TEXT)"))
            await connection.execute(text("INSERT INTO t (n) VALUES (:n)"), {"n": "secret"})
        with pytest.raises(Exception, match="nowhere"):
            async with engine.begin() as connection:
                await connection.execute(text("UPDATE nowhere SET n = 1"))
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT n FROM t"))).scalar_one() == "secret"
    for name in ("CREATE", "INSERT", "UPDATE", "SELECT"):
        span = spans.one(name)
        assert span.parent.span_id == around.get_span_context().span_id
        attributes = spans.attributes(name)
        assert attributes["db.query.text"].startswith(name)
        assert attributes["db.system.name"] == {"sqlite": "sqlite", "postgres": "postgresql"}[database.dialect]
        assert attributes["backstage.plugin.id"] == "shop"
        assert "secret" not in str(attributes)
        assert (span.status.status_code is trace.StatusCode.ERROR) == (name == "UPDATE")
    assert spans.attributes("UPDATE")["error.type"] in ("OperationalError", "UndefinedTableError")


@asynccontextmanager
async def reading(tracing: bool) -> AsyncIterator[tuple[UrlReaderService, str, list[str | None]]]:
    """Gives a URL reader, the address of a host that it may read, and what that host was told about the trace."""
    told: list[str | None] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        told.append(request.headers.get("traceparent"))
        if request.path == "/moved":
            return web.Response(status=302, headers={"location": "/here?token=secret"})
        return web.Response(text="content") if request.path == "/here" else web.Response(status=404)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    config = {"backend": {"reading": {"allow": [{"host": host}]}, "tracing": {"enabled": tracing}}}
    factory = ServiceFactoryTester.from_factory(
        url_reader_service_factory, dependencies=[mock_services.root_config.factory(config)]
    )
    try:
        yield await factory.get_subject(), f"http://{host}", told
    finally:
        await (await factory.get_service(core_services.root_lifecycle)).shutdown()
        await runner.cleanup()


async def test_requests_of_the_url_reader(spans: Any) -> None:
    """S112: each hop of what the URL reader reads has a span without query; hosts elsewhere are not told of it."""
    async with reading(tracing=True) as (reader, host, told):
        assert (await reader.read_url(f"{host}/moved")).content == b"content"
        with pytest.raises(NotFoundError):
            await reader.read_url(f"{host}/nothing")
    assert {span.name for span in spans.all} == {"GET"}
    seen = [(span.attributes["url.full"], span.attributes["http.response.status_code"]) for span in spans.all]
    assert seen == [(f"{host}/moved", 302), (f"{host}/here", 200), (f"{host}/nothing", 404)]
    assert spans.all[-1].attributes["error.type"] == "404"
    assert told == [None, None, None]


async def test_nothing_without_tracing(spans: Any) -> None:
    """S112: without tracing the URL reader makes no spans."""
    async with reading(tracing=False) as (reader, host, _):
        await reader.read_url(f"{host}/here")
    assert spans.all == ()
