"""Spans that plugins make."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from understage.config import ConfigError, config_from_data
from understage.defaults.telemetry import switch
from understage.defaults.telemetry.scope import InstrumentationScope, read_scope
from understage.defaults.telemetry.switch import is_enabled
from understage.defaults.tracing import tracing_service_factory
from understage.defaults.tracing.silent import SilentTracing
from understage.errors import AuthenticationError, InputError, NotFoundError, UnsupportedOperationError
from understage.plugin_api import TraceContext, TracingService, core_services
from understage.testing import ServiceFactoryTester, create_service_mock, mock_credentials, mock_services

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def make(config: dict[str, Any] | None = None, **deps: Any) -> TracingService:
    """Returns the tracing of the plugin `search`."""
    data = {"backend": {"tracing": {"enabled": True, **(config or {})}}}
    tester = ServiceFactoryTester.from_factory(
        tracing_service_factory,
        dependencies=[
            mock_services.root_config.factory(data),
            *(mock.factory for mock in deps.values()),
        ],
    )
    subject: TracingService = await tester.get_subject("search")
    return subject


async def test_a_span_of_a_block(spans: Any) -> None:
    """S111: a span lasts as long as its block, and carries the plugin's id besides its own attributes."""
    tracing = await make()
    with tracing.start_active_span("index", attributes={"documents": 3}, kind="producer") as span:
        assert spans.all == ()
        assert span.is_recording
        span.set_attribute("one", 1)
        span.set_attributes({"two": [1, 2]})
        span.add_event("halfway", {"at": 0.5})
        span.update_name("index documents")
        span.set_status("ok")
    assert spans.attributes("index documents") == {
        "documents": 3,
        "one": 1,
        "two": (1, 2),
        "backstage.plugin.id": "search",
    }
    recorded = spans.one("index documents")
    assert recorded.kind.name == "PRODUCER"
    assert recorded.status.status_code.name == "OK"
    assert [(event.name, dict(event.attributes)) for event in recorded.events] == [("halfway", {"at": 0.5})]


async def test_the_plugin_id_cannot_be_taken(spans: Any) -> None:
    """S111: every span has the id of the plugin that made it, whatever attributes are given."""
    tracing = await make()
    with tracing.start_active_span("x", attributes={"backstage.plugin.id": "other"}):
        pass
    assert spans.attributes("x")["backstage.plugin.id"] == "search"


async def test_spans_within_spans(spans: Any) -> None:
    """S111: a span is active in its block and in the tasks begun there, so spans made there are its children."""
    tracing = await make()

    async def work(name: str) -> None:
        async with tracing.start_active_span(name):
            await asyncio.sleep(0)

    async with tracing.start_active_span("outer"):
        await asyncio.gather(work("a"), work("b"))
    await work("after")
    outer = spans.one("outer").context.span_id
    assert [spans.one(name).parent.span_id for name in ("a", "b")] == [outer, outer]
    assert spans.one("after").parent is None


@pytest.mark.parametrize(
    ("error", "name"), [(ValueError("bad"), "ValueError"), (NotFoundError("gone"), "NotFoundError")]
)
async def test_errors(spans: Any, error: Exception, name: str) -> None:
    """S111: an error that leaves the block is recorded once, sets error.type and the status, and goes on."""
    tracing = await make()

    def fail() -> None:
        with tracing.start_active_span("sync"):
            raise error

    async def fail_later() -> None:
        async with tracing.start_active_span("async"):
            raise error

    with pytest.raises(type(error)):
        fail()
    with pytest.raises(type(error)):
        await fail_later()
    for enter in ("sync", "async"):
        recorded = spans.one(enter)
        assert recorded.attributes["error.type"] == name
        assert (recorded.status.status_code.name, recorded.status.description) == ("ERROR", str(error))
        assert [event.name for event in recorded.events] == ["exception"]


async def test_errors_that_are_handled(spans: Any) -> None:
    """S111: an error that the plugin deals with can be recorded without failing the span."""
    tracing = await make()
    with tracing.start_active_span("x") as span:
        span.record_exception(ValueError("once"), {"attempt": 1})
    recorded = spans.one("x")
    assert (recorded.status.status_code.name, recorded.events[0].attributes["attempt"]) == ("UNSET", 1)


async def test_being_cancelled_is_no_failure(spans: Any) -> None:
    """S111: a span whose work is cancelled ends, but has not failed."""
    tracing = await make()

    async def work() -> None:
        async with tracing.start_active_span("x"):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert spans.one("x").status.status_code.name == "UNSET"


@pytest.mark.parametrize("capture", [None, False, True])
async def test_whose_work_it_is(spans: Any, capture: bool | None) -> None:
    """S111: credentials tell the type of the principal; who the user is only if the configuration asks for it."""
    tracing = await make({} if capture is None else {"capture": {"endUser": capture}})
    for credentials in (mock_credentials.user(), mock_credentials.service(), mock_credentials.none()):
        with tracing.start_active_span(credentials.principal.type, credentials=credentials):
            pass
    assert [spans.attributes(name)["backstage.principal.type"] for name in ("user", "service", "none")] == [
        "user",
        "service",
        "none",
    ]
    assert [spans.attributes(name).get("enduser.id") for name in ("user", "service", "none")] == [
        "user:default/mock" if capture else None,
        None,
        None,
    ]
    with tracing.start_active_span("nobody"):
        pass
    assert "backstage.principal.type" not in spans.attributes("nobody")


async def test_requests(spans: Any) -> None:
    """S111: a request's credentials count where none are given; ones that are not valid leave the span without."""
    asked: list[object] = []

    async def credentials(request: object, **options: object) -> object:
        asked.append(request)
        if not request:
            raise AuthenticationError("Invalid")
        return mock_credentials.user()

    http_auth = create_service_mock(core_services.http_auth, credentials=credentials)
    tracing = await make(http_auth=http_auth)
    scope = {"type": "http"}
    async with tracing.start_active_span("request", request=scope):
        pass
    async with tracing.start_active_span("both", request=scope, credentials=mock_credentials.service()):
        pass
    with tracing.start_active_span("both at once", request=scope, credentials=mock_credentials.service()):
        pass
    async with tracing.start_active_span("invalid", request={}):
        pass
    assert asked == [scope, {}]
    assert spans.attributes("request")["backstage.principal.type"] == "user"
    assert spans.attributes("both")["backstage.principal.type"] == "service"
    assert spans.attributes("both at once")["backstage.principal.type"] == "service"
    assert "backstage.principal.type" not in spans.attributes("invalid")
    with pytest.raises(UnsupportedOperationError, match=r"'request again'.*async with"):
        tracing.start_active_span("request again", request=scope).__enter__()


async def test_contexts(spans: Any) -> None:
    """S111: a context can be kept and used elsewhere, and read with its baggage off headers."""
    tracing = await make()
    with tracing.start_active_span("outer"):
        kept = tracing.context.active()
    with tracing.context.use(kept), tracing.start_active_span("later"):
        pass
    assert spans.one("later").parent.span_id == spans.one("outer").context.span_id
    arrived = tracing.propagation.extract(
        {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "baggage": "tenant=blue"}, TraceContext()
    )
    assert tracing.propagation.get_baggage(arrived) == {"tenant": "blue"}
    assert tracing.propagation.get_active_baggage() == {}
    with tracing.context.use(arrived), tracing.start_active_span("remote"):
        assert tracing.propagation.get_active_baggage() == {"tenant": "blue"}
    assert f"{spans.one('remote').context.trace_id:x}" == TRACE.lstrip("0")
    with tracing.context.use(TraceContext()), tracing.start_active_span("alone"):
        pass
    assert spans.one("alone").parent is None


async def test_the_tracer_can_be_named(spans: Any) -> None:
    """S111: a plugin's tracer is backstage-plugin-<id>, unless the configuration names another."""
    with (await make()).start_active_span("plain"):
        pass
    tracer = {"name": "finder", "version": "1.2", "schemaUrl": "https://example.com/schema"}
    with (await make({"plugin": {"search": {"tracer": tracer}}})).start_active_span("named"):
        pass
    plain, named = (spans.one(name).instrumentation_scope for name in ("plain", "named"))
    assert plain.name == "backstage-plugin-search"
    assert (named.name, named.version, named.schema_url) == ("finder", "1.2", "https://example.com/schema")
    config = config_from_data({"backend": {"metrics": {"plugin": {"search": {"meter": {"version": "3"}}}}}})
    assert read_scope(config, "meter", "search") == InstrumentationScope("backstage-plugin-search", "3")
    assert read_scope(config, "tracer", "search") == InstrumentationScope("backstage-plugin-search")
    with pytest.raises(ConfigError, match=r"backend\.tracing\.plugin\.search\.tracer\.name"):
        read_scope(
            config_from_data({"backend": {"tracing": {"plugin": {"search": {"tracer": {"name": 7}}}}}}),
            "tracer",
            "search",
        )


async def test_off(spans: Any) -> None:
    """S111: switched off, the same calls do nothing, and nobody's credentials are looked at."""
    http_auth = create_service_mock(core_services.http_auth)
    tracing = await make({"enabled": False}, http_auth=http_auth)
    assert isinstance(tracing, SilentTracing)

    async def fail() -> None:
        async with tracing.start_active_span("x", request={"type": "http"}, kind="client"):
            raise InputError("goes on")

    with pytest.raises(InputError):
        await fail()
    with tracing.start_active_span("z") as span, tracing.context.use(tracing.context.active()):
        assert not span.is_recording
        span.set_attribute("a", 1)
        span.set_attributes({"b": 2})
        span.add_event("c")
        span.record_exception(ValueError())
        span.set_status("error", "why")
        span.update_name("y")
    assert tracing.propagation.extract({"traceparent": "x"}) == TraceContext()
    assert tracing.propagation.get_baggage(TraceContext()) == tracing.propagation.get_active_baggage() == {}
    assert spans.all == ()
    http_auth.credentials.assert_not_called()


def test_when_it_is_on(spans: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """S111: without a word in the configuration, tracing is on if something has set up the SDK in this process."""
    quiet = config_from_data({})
    assert is_enabled(quiet, "tracing")
    assert not is_enabled(config_from_data({"backend": {"tracing": {"enabled": False}}}), "tracing")
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    assert not is_enabled(quiet, "tracing")
    assert not is_enabled(quiet, "metrics")
    monkeypatch.setattr(switch, "find_spec", lambda name: None)
    for signal in ("tracing", "metrics"):
        with pytest.raises(
            UnsupportedOperationError, match=r"backend\.\w+\.enabled .* pip install 'understage\[otel\]'"
        ):
            is_enabled(config_from_data({"backend": {signal: {"enabled": True}}}), signal)


def test_nothing_is_imported_unless_asked_for() -> None:
    """S111: a backend without tracing and metrics does not import OpenTelemetry."""
    code = """
import asyncio, sys
from understage.config import config_from_data
from understage.defaults import create_backend
from understage.plugin_api import Metrics, PluginRegistrationPoints, Tracing, create_backend_plugin
from understage.testing import mock_services

@create_backend_plugin(plugin_id="search")
def search(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(metrics: Metrics, tracing: Tracing) -> None:
        metrics.create_counter("x").add(1)
        with tracing.start_active_span("x"):
            pass

async def main():
    backend = create_backend()
    backend.add(search)
    backend.add(mock_services.root_config.factory({"backend": {
        "baseUrl": "http://localhost", "listen": {"host": "127.0.0.1", "port": 0},
        "database": {"client": "better-sqlite3", "connection": ":memory:"}}}))
    async with backend:
        print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "[]" in ran.stdout.splitlines(), ran.stderr + ran.stdout
