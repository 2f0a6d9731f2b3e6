"""Who did what, in the log."""

from typing import Any

import pytest
from starlette.requests import Request

from understage.config import ConfigError, config_from_data
from understage.defaults.auditor import auditor_service_factory
from understage.defaults.auditor.service import DefaultAuditor
from understage.defaults.auditor.severities import SeverityLevels, read_severity_levels
from understage.defaults.root_logger.levels import DEBUG
from understage.defaults.root_logger.logger import DefaultLogger
from understage.defaults.root_logger.output import LogOutput
from understage.errors import AuthenticationError, ForwardedError, InputError, error_status
from understage.plugin_api import Auditor, HttpRouter, PluginRegistrationPoints, create_backend_plugin
from understage.testing import mock_credentials, mock_services, start_test_backend

INITIATED = {"isAuditEvent": True, "eventId": "thing-do", "severityLevel": "low", "status": "initiated"}


class Entries:
    """A logger that keeps its entries."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda message, /, **metadata: self.all.append((level, message, metadata))


@pytest.fixture
def entries() -> Entries:
    return Entries()


@pytest.fixture
def auditor(entries: Any) -> DefaultAuditor:
    http_auth = mock_services.http_auth(default_credentials=mock_credentials.none())
    return DefaultAuditor("things", auth=mock_services.auth(plugin_id="things"), http_auth=http_auth, logger=entries)


def request(headers: dict[str, str] | None = None, *, query: bytes = b"", client: Any = ("192.0.2.7", 4711)) -> Any:
    sent = {"host": "portal.example.com:7007", "user-agent": "curl/8", **(headers or {})}
    return {
        "type": "http",
        "method": "DELETE",
        "path": "/api/things/1",
        "root_path": "/api/things",
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": client,
    }


async def test_what_begins_and_ends(auditor: DefaultAuditor, entries: Entries) -> None:
    """S90: an event is written when it begins, and again when it is done; the message names plugin and event."""
    event = await auditor.create_event(event_id="thing-do")
    assert entries.all == [("debug", "things.thing-do", {**INITIATED, "actor": {"actorId": "plugin:things"}})]
    await event.success()
    succeeded = {**INITIATED, "status": "succeeded", "actor": {"actorId": "plugin:things"}}
    assert entries.all[1:] == [("debug", "things.thing-do", succeeded)]


async def test_what_fails(auditor: DefaultAuditor, entries: Entries) -> None:
    """S90, S91: a failure is written with its error.

    deviation: the error is an entry's error like any other: name, message and traceback, not its text alone
    """
    event = await auditor.create_event(event_id="thing-do")
    error = ValueError("went wrong")
    await event.fail(error=error)
    [_, (_, message, failed)] = entries.all
    assert message == "things.thing-do"
    assert (failed["status"], failed["error"]) == ("failed", error)


async def test_details(auditor: DefaultAuditor, entries: Entries) -> None:
    """S91: details of the end join those of the beginning and win over them; an event without any has no `meta`."""
    event = await auditor.create_event(event_id="thing-do", meta={"a": 1, "b": None})
    await event.success(meta={"a": 2, "c": 3})
    await event.fail(error=ValueError(), meta={"d": 4})
    assert [entry["meta"] for _, _, entry in entries.all] == [
        {"a": 1, "b": None},
        {"a": 2, "b": None, "c": 3},
        {"a": 1, "b": None, "d": 4},
    ]
    entries.all.clear()
    await (await auditor.create_event(event_id="thing-do", meta={})).success(meta={})
    assert ["meta" in entry for _, _, entry in entries.all] == [False, False]


@pytest.mark.parametrize(
    ("headers", "actor_id"),
    [
        (mock_credentials.user.header("user:default/jane"), "user:default/jane"),
        (mock_credentials.service.header(), "external:test-service"),
        (mock_credentials.limited_user.header("user:default/jane"), "user:default/jane"),
        (mock_credentials.limited_user.cookie("user:default/jane"), "user:default/jane"),
    ],
)
async def test_who_makes_a_request(auditor: DefaultAuditor, entries: Entries, headers: Any, actor_id: str) -> None:
    """S91, S92: the actor is whose credentials the request carries, with its address, host and browser."""
    await auditor.create_event(event_id="thing-do", request=request(headers, query=b"a=%20b"))
    [(_, _, entry)] = entries.all
    origin = {"ip": "192.0.2.7", "hostname": "portal.example.com", "userAgent": "curl/8"}
    assert entry["actor"] == {"actorId": actor_id, **origin}
    assert entry["request"] == {"url": "/api/things/1?a=%20b", "method": "DELETE"}


async def test_requests_of_frameworks(auditor: DefaultAuditor, entries: Entries) -> None:
    """S91: a request of Starlette is as good as its scope, and nobody's request has no actor id."""
    await auditor.create_event(event_id="thing-do", request=Request(request(client=None)))
    [(_, _, entry)] = entries.all
    assert entry["actor"] == {"hostname": "portal.example.com", "userAgent": "curl/8"}
    assert entry["request"] == {"url": "/api/things/1", "method": "DELETE"}


async def test_invalid_credentials(auditor: DefaultAuditor, entries: Entries) -> None:
    """S92: who cannot be told from invalid credentials is an error of their kind, and nothing is written."""
    with pytest.raises(ForwardedError, match="Cannot tell who makes the request to be audited; caused by") as caught:
        await auditor.create_event(event_id="thing-do", request=request(mock_credentials.user.invalid_header()))
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert error_status(caught.value) == 401
    assert entries.all == []


@pytest.mark.parametrize(
    ("mappings", "levels"),
    [
        ({}, ["debug", "info", "info", "info"]),
        ({"low": "info", "medium": "warn", "critical": "error"}, ["info", "warning", "info", "error"]),
        ({"high": "debug"}, ["debug", "info", "debug", "info"]),
    ],
)
async def test_levels(entries: Any, mappings: Any, levels: list[str]) -> None:
    """S93: low events are written as debug, others as info, unless the configuration says otherwise."""
    config = config_from_data({"backend": {"auditor": {"severityLogLevelMappings": mappings}}})
    factory: Any = auditor_service_factory.factory
    auditor = factory(
        auth=mock_services.auth(),
        config=config,
        http_auth=mock_services.http_auth(),
        logger=entries,
        plugin=mock_services.plugin_metadata("things"),
    )
    for severity in ("low", "medium", "high", "critical"):
        await auditor.create_event(event_id="thing-do", severity_level=severity)
    assert [level for level, _, _ in entries.all] == levels
    assert [entry["severityLevel"] for _, _, entry in entries.all] == ["low", "medium", "high", "critical"]


def test_unknown_levels_are_refused() -> None:
    """S93: a level that the log does not have is a configuration error that names the key."""
    config = config_from_data({"backend": {"auditor": {"severityLogLevelMappings": {"low": "loud"}}}})
    with pytest.raises(ConfigError, match=r"severityLogLevelMappings\.low"):
        read_severity_levels(config)
    assert read_severity_levels(config_from_data({})) == SeverityLevels()


async def test_in_a_plugin() -> None:
    """S90, S92: a plugin reports what its requests ask for; the actor's address is the client's."""
    auditor = mock_services.auditor()

    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_router: HttpRouter, auditor: Auditor) -> None:
            async def app(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] != "http":
                    return
                event = await auditor.create_event(event_id="thing-do", request=scope, meta={"a": 1})
                await event.fail(error=InputError("no"), meta={"b": 2})
                raise InputError("no")

            http_router.use(app)

    features = [things_plugin, mock_services.auditor.factory(auditor)]
    async with start_test_backend(features=features) as backend:
        assert (await backend.client.get("/api/things/x")).status_code == 400
    [event] = auditor.events
    assert (event.event_id, event.status, event.meta, str(event.error)) == (
        "thing-do",
        "failed",
        {"a": 1, "b": 2},
        "no",
    )


async def test_what_the_log_leaves_out_costs_nothing() -> None:
    """S90: an event whose level is not written is no work: nobody is asked who makes the request."""
    lines: list[bytes] = []
    output = LogOutput(write=lines.append)
    http_auth = mock_services.http_auth.mock()
    auditor = DefaultAuditor(
        "things", auth=mock_services.auth(plugin_id="things"), http_auth=http_auth, logger=DefaultLogger(output)
    )
    event = await auditor.create_event(event_id="thing-read", request=request())
    await event.success(meta={"many": "details"})
    await event.fail(error=ValueError("went wrong"))
    assert lines == []
    assert not http_auth.credentials.called

    output.configure(DEBUG)
    await (await auditor.create_event(event_id="thing-read")).success()
    assert len(lines) == 2
