"""The routes of a running backend, with the catalog and a provider of another module."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog_module_incremental_ingestion import (
    IncrementalIngestion,
    IncrementalOptions,
    feature,
)
from understage.defaults.scheduler import scheduler_service_factory
from understage.plugin_api import BackendModule, ModuleRegistrationPoints, core_services, create_backend_module
from understage.testing import mock_credentials, mock_services, start_test_backend

Sources = Callable[..., Any]
INCREMENTAL = "/api/catalog/incremental"
ROUTES = [
    ("GET", "/health"),
    ("GET", "/providers"),
    ("GET", "/providers/source"),
    ("GET", "/providers/source/marks"),
    ("POST", "/cleanup"),
    ("POST", "/providers/source/trigger"),
    ("POST", "/providers/source/start"),
    ("POST", "/providers/source/cancel"),
    ("DELETE", "/providers/source"),
    ("DELETE", "/providers/source/marks"),
]


def module_with(*sources: Any, **options: Any) -> BackendModule[[]]:
    """Returns a module that adds providers."""
    spans = {name: timedelta(hours=1) for name in ("burst_length", "burst_interval", "rest_length")}

    @create_backend_module(plugin_id="catalog", module_id="source")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(incremental: IncrementalIngestion) -> None:
            for source in sources:
                incremental.add_provider(
                    source, IncrementalOptions(**{**spans, **options}), event_handler=source.handler
                )

    return module


class Backend:
    """A running backend whose tasks run when a test says so."""

    def __init__(self, backend: Any, scheduler: Any) -> None:
        self.backend = backend
        self.client = backend.client
        self.scheduler = scheduler

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        response = await self.client.request(method, INCREMENTAL + path, **more)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        return response.json()

    async def entities(self, count: int) -> list[str]:
        """Returns the names of what the catalog serves, once there is as much as expected."""
        async with asyncio.timeout(20):
            while True:
                response = await self.client.get("/api/catalog/entities")
                if len(response.json()) == count:
                    return sorted(one["metadata"]["name"] for one in response.json())
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(*sources: Any, features: list[Any] = [], **options: Any) -> AsyncIterator[Backend]:  # noqa: B006
    module = module_with(*sources, **options)
    async with start_test_backend(features=[catalog_feature, feature, module, *features]) as backend:
        scheduler: Any = await backend.service(core_services.scheduler, "catalog")
        for source in sources:
            await scheduler.wait_for_task(source.name)
        yield Backend(backend, scheduler)


@pytest.fixture
def sources(make_source: Any) -> Sources:
    def make(*pages: str, name: str = "source") -> Any:
        source = make_source(*pages, name=name)
        source.handler = None
        return source

    return make


async def test_a_provider_is_shown(sources: Sources) -> None:
    """K243: health, names, state and marks of providers; K550: what they bring is served."""
    async with running(sources("a b", "c")) as backend:
        assert await backend.ask("GET", "/health") == {"healthy": True}
        assert await backend.ask("GET", "/providers") == {"success": True, "providers": ["source"]}
        shown = await backend.ask("GET", "/providers/source")
        next_action_at = shown["status"].pop("next_action_at")
        assert shown == {"success": True, "status": {"current_action": "resting"}, "last_error": None}
        assert next_action_at.endswith("Z")
        wait = datetime.fromisoformat(next_action_at) - datetime.now().astimezone()
        assert timedelta(minutes=59) < wait <= timedelta(hours=1)
        marks = await backend.ask("GET", "/providers/source/marks")
        assert marks["success"] is True
        assert [(one["sequence"], one["cursor"]) for one in marks["records"]] == [(1, {"page": 2}), (0, {"page": 1})]
        assert {tuple(one) for one in marks["records"]} == {("id", "ingestion_id", "cursor", "sequence", "created_at")}
        assert marks["records"][0]["created_at"].endswith("Z")
        assert await backend.entities(3) == ["a", "b", "c"]


async def test_a_failure_is_shown(sources: Sources) -> None:
    """K243: the state of a provider that has failed says why, and when it goes on."""
    source = sources("a")

    async def fail(number: int) -> None:
        raise ValueError("the source is down")

    source.before = fail
    async with running(source) as backend:
        shown = await backend.ask("GET", "/providers/source")
        assert shown["status"]["current_action"] == "backing off"
        assert shown["last_error"] == "ValueError: the source is down"
        source.before = None
        trigger = await backend.ask("POST", "/providers/source/trigger")
        assert trigger == {"success": True, "message": "source: Next action triggered."}
        assert (await backend.ask("GET", "/providers/source"))["status"]["current_action"] == "resting"
        assert await backend.entities(1) == ["a"]


async def test_a_provider_is_started_and_cancelled(sources: Sources) -> None:
    """K243: start begins a new round at once, cancel rests for a day; ended rounds may be deleted.

    deviation: what ended rounds have brought stays known, so that the open one can remove it.
    """
    source = sources("a b")
    async with running(source) as backend:
        source.pages = [["b"]]
        started = await backend.ask("POST", "/providers/source/start")
        assert started == {"success": True, "message": "source: Next cycle triggered."}
        assert source.asked == [0, 0]
        assert await backend.entities(1) == ["b"]
        deleted = await backend.ask("DELETE", "/providers/source/marks")
        assert deleted == {
            "success": True,
            "message": "Expired marks for provider 'source' removed.",
            "deletions": {"deletions": {"markEntitiesDeleted": 0, "marksDeleted": 1, "ingestionsDeleted": 1}},
        }
        cancelled = await backend.ask("POST", "/providers/source/cancel")
        assert cancelled == {"success": True, "message": "source: Current ingestion canceled."}
        shown = await backend.ask("GET", "/providers/source")
        wait = datetime.fromisoformat(shown["status"]["next_action_at"]) - datetime.now().astimezone()
        assert shown["status"]["current_action"] == "resting"
        assert timedelta(hours=23) < wait <= timedelta(hours=24)
        await backend.scheduler.trigger_task("source")
        assert source.asked == [0, 0]


async def test_a_provider_is_reset(sources: Sources) -> None:
    """K243: delete and cleanup forget what is known of providers, and pause them; their entities stay.

    deviation: upstream, on Postgres, deleting waits for a lock of its own, and cleanup counts no marks and entities.
    """
    async with running(sources("a b", "c")) as backend:
        deleted = await backend.ask("DELETE", "/providers/source")
        assert deleted == {"provider": "source", "ingestionsDeleted": 1, "marksDeleted": 2, "markEntitiesDeleted": 3}
        assert (await backend.ask("GET", "/providers/source"))["status"]["current_action"] == "resting"
        assert (await backend.ask("GET", "/providers/source/marks")) == {"success": True, "records": []}
        await backend.ask("POST", "/providers/source/trigger")
        cleaned = await backend.ask("POST", "/cleanup")
        assert cleaned == {"ingestionsDeleted": 2, "ingestionMarksDeleted": 2, "markEntitiesDeleted": 3}
        assert await backend.entities(3) == ["a", "b", "c"]


async def test_between_two_rounds(sources: Sources) -> None:
    """K243: a provider whose round has ended, and whose next one has not begun, is restarting."""
    async with running(sources("a")) as backend:
        database = await backend.backend.service(core_services.database, "catalog")
        await database.execute("DELETE FROM incremental_ingestions")
        waiting = {"success": True, "status": {"current_action": "rest complete, waiting to start"}}
        assert await backend.ask("GET", "/providers/source") == waiting
        messages = {
            ("POST", "/providers/source/trigger"): "Unable to trigger next action (provider is restarting)",
            ("POST", "/providers/source/start"): "Provider is already restarting",
            ("POST", "/providers/source/cancel"): "Provider is currently restarting, please wait.",
            ("GET", "/providers/source/marks"): "No records yet (provider is restarting)",
        }
        for (method, path), message in messages.items():
            assert await backend.ask(method, path) == {"success": True, "message": message}


async def test_an_unknown_provider(sources: Sources) -> None:
    """K243: nobody knows it, and nothing is made for it.

    deviation: upstream, deleting a provider that there is not makes one.
    """
    async with running(sources("a")) as backend:
        shown = {"success": False, "status": {}, "last_error": "Provider 'other' not found"}
        assert await backend.ask("GET", "/providers/other", 404) == shown
        assert await backend.ask("GET", "/providers/other/marks", 404) == shown
        unknown = {"success": False, "message": "Provider 'other' not found"}
        for action in ("trigger", "start", "cancel"):
            assert await backend.ask("POST", f"/providers/other/{action}", 404) == unknown
        assert await backend.ask("DELETE", "/providers/other", 404) == unknown
        assert await backend.ask("GET", "/providers") == {"success": True, "providers": ["source"]}


async def test_names_may_hold_anything(sources: Sources) -> None:
    """K243: names are encoded in the path, slashes too."""
    name = "github/acme? ü"
    async with running(sources("a", name=name)) as backend:
        shown = await backend.ask("GET", "/providers/github%2Facme%3F%20%C3%BC")
        assert shown["status"]["current_action"] == "resting"
        for path in ("/providers/%ff", "/providers/%00"):
            assert (await backend.client.get(INCREMENTAL + path)).status_code == 400


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_route_asks_for_its_permission(sources: Sources, method: str, path: str) -> None:
    """K243: reading needs catalog.ingestion.read, all else catalog.ingestion.manage, and nobody does without."""
    asked: list[str] = []

    async def authorize(requests: Any, *, credentials: Any) -> Any:
        asked.extend(one.permission.name for one in requests)
        return await mock_services.permissions(result="DENY").authorize(requests, credentials=credentials)

    denying = mock_services.permissions.mock(authorize=authorize)
    source = sources("a")
    async with running(source, features=[denying.factory]) as backend:
        refused = await backend.ask(method, path, 403)
        assert refused["error"] == {"name": "NotAllowedError", "message": "Unauthorized"}
        assert asked == ["catalog.ingestion.read" if method == "GET" else "catalog.ingestion.manage"]
        nobody = await backend.ask(method, path, 401, headers=mock_credentials.none.header())
        assert nobody["error"]["name"] == "AuthenticationError"
        assert source.asked == [0]


async def test_other_paths_are_as_before(sources: Sources) -> None:
    """K243: what is not a route is an empty 404, and the catalog's own routes are untouched."""
    async with running(sources("a")) as backend:
        for method, path in (
            *(("GET", ""), ("GET", "/"), ("GET", "/other"), ("POST", "/health"), ("GET", "/providers/source/trigger")),
            *(("GET", "/providers/source/marks/x"), ("PUT", "/providers/source"), ("GET", "/providers//marks")),
        ):
            response = await backend.client.request(method, INCREMENTAL + path)
            assert (response.status_code, response.content) == (404, b""), path
        head = await backend.client.head(f"{INCREMENTAL}/Providers/")
        assert head.status_code == 200
        assert (await backend.client.get("/api/catalog/incrementally")).status_code == 404
        assert (await backend.client.get("/api/catalog/entity-facets?facet=kind")).status_code == 200


async def test_events_reach_a_provider(sources: Sources, make_entity: Any) -> None:
    """K550: a provider that handles events is subscribed to its topics."""
    from understage.catalog_api import DeltaMutation

    class Handler:
        def event_topics(self) -> list[str]:
            return ["source.changed"]

        async def on_event(self, event: Any) -> Any:
            return DeltaMutation([make_entity(event.payload["name"])])

    source = sources("a")
    source.handler = Handler()
    async with running(source) as backend:
        events = await backend.backend.service(core_services.events, "other")
        await events.publish("source.changed", {"name": "b"})
        assert await backend.entities(2) == ["a", "b"]


async def test_on_a_real_schedule(sources: Sources) -> None:
    """K550: with the scheduler of a real backend, bursts follow each other until all of the source was seen."""
    source = sources("a", "b")
    short = {"burst_length": timedelta(), "burst_interval": timedelta(milliseconds=100)}
    features = [catalog_feature, feature, module_with(source, **short), scheduler_service_factory]
    async with start_test_backend(features=features) as running, asyncio.timeout(30):
        backend = Backend(running, None)
        assert await backend.entities(2) == ["a", "b"]
        shown: Any = {}
        while shown.get("current_action") != "resting":
            await asyncio.sleep(0.1)
            shown = (await backend.ask("GET", "/providers/source"))["status"]
        assert source.bursts == 2
        tasks = await (await running.service(core_services.scheduler, "catalog")).get_scheduled_tasks()
        assert [task.frequency for task in tasks if task.id == "source"] == [timedelta(seconds=1)]
