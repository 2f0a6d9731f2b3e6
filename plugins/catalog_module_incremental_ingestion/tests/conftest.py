"""A source in pages, a catalog that is a dict, and an engine between them whose time a test makes pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.recording_logger import RecordingLogger

from understage.catalog_api import DeferredEntity, DeltaMutation, FullMutation, Removal, stringify_entity_ref
from understage.catalog_module_incremental_ingestion import IncrementalOptions, SourcePage
from understage.catalog_module_incremental_ingestion.added_providers import AddedProvider
from understage.catalog_module_incremental_ingestion.database import ingestions
from understage.catalog_module_incremental_ingestion.database.ingestions import Ingestion
from understage.catalog_module_incremental_ingestion.engine import Engine
from understage.catalog_module_incremental_ingestion.event_deltas import EventDeltas
from understage.catalog_module_incremental_ingestion.gauges import Gauges
from understage.catalog_module_incremental_ingestion.steering import Steering
from understage.plugin_api import AbortController, AbortSignal, DatabaseService
from understage.testing import MockMetrics, mock_services

LOCATION = "url:https://source.example.org"
Hook = Callable[[int], Awaitable[None]]


def entity(name: str, **members: Any) -> DeferredEntity:
    """Returns a component as a provider brings it."""
    annotations = {"backstage.io/managed-by-location": LOCATION, "backstage.io/managed-by-origin-location": LOCATION}
    return DeferredEntity(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"type": "service", "lifecycle": "x", "owner": "team"},
            **members,
        },
        "source",
    )


def refs(*names: str) -> list[str]:
    """Returns the names of components."""
    return sorted(f"component:default/{name}" for name in names)


class Source:
    """A provider whose pages a test writes; a cursor is the number of the next page.

    Attributes:
        pages: names of the entities on each page.
        asked: the numbers of the pages that were asked for.
        before: called before a page is given.
    """

    def __init__(self, *pages: str, name: str = "source") -> None:
        self.name = name
        self.pages: list[Any] = [page.split() for page in pages]
        self.asked: list[int] = []
        self.bursts = 0
        self.before: Hook | None = None

    @asynccontextmanager
    async def around(self) -> AsyncIterator[str]:
        self.bursts += 1
        yield "context"

    async def next(self, context: str, cursor: dict[str, int] | None) -> SourcePage[dict[str, int]]:
        assert context == "context"
        number = 0 if cursor is None else cursor["page"]
        self.asked.append(number)
        if self.before is not None:
            await self.before(number)
        page = self.pages[number] if self.pages else []
        if isinstance(page, SourcePage):
            return page
        entities = [entity(one) if isinstance(one, str) else one for one in page]
        return SourcePage(entities, {"page": number + 1}, done=number + 1 >= len(self.pages))


class DictCatalog:
    """A provider's way into a catalog that only remembers."""

    def __init__(self) -> None:
        self.entities: dict[str, Any] = {}
        self.mutations: list[DeltaMutation] = []

    async def apply_mutation(self, mutation: FullMutation | DeltaMutation) -> None:
        assert isinstance(mutation, DeltaMutation)
        self.mutations.append(mutation)
        for one in mutation.removed:
            self.entities.pop(one.entity_ref if isinstance(one, Removal) else one, None)
        for deferred in mutation.added:
            self.entities[stringify_entity_ref(deferred.entity)] = deferred.entity

    async def refresh(self, keys: Any) -> int:
        return len(keys)


class Ingested:
    """A source that is gone through."""

    def __init__(self, database: DatabaseService, source: Source, **options: Any) -> None:
        self.database = database
        self.source = source
        self.options = IncrementalOptions(
            **{
                "burst_length": timedelta(seconds=30),
                "burst_interval": timedelta(minutes=1),
                "rest_length": timedelta(hours=1),
                **options,
            }
        )
        self.catalog = DictCatalog()
        self.logs = RecordingLogger()
        self.metrics = MockMetrics()
        self.gauges = Gauges(self.metrics)
        self.steering = Steering(database, mock_services.scheduler(), [source.name])
        self.lock = asyncio.Lock()

    def engine(self, database: DatabaseService | None = None) -> Engine:
        """Returns an engine, as each replica has one."""
        added = AddedProvider(self.source, self.options)
        return Engine(added, database or self.database, self.catalog, self.lock, self.gauges, self.logs)

    def deltas(self, handler: Any) -> EventDeltas:
        """Returns what applies events."""
        return EventDeltas(self.source.name, handler, self.database, self.catalog, self.lock, self.logs)

    async def tick(self, signal: AbortSignal | None = None) -> None:
        """Ticks as a replica that has just started does."""
        await self.engine().tick(signal or AbortController().signal)

    async def later(self) -> None:
        """Lets the wait pass, and ticks."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        await self.database.execute(
            "UPDATE incremental_ingestions SET next_action_at = $1, waits_since = $1 WHERE rest_completed_at IS NULL",
            past,
        )
        await self.tick()

    async def ingestion(self) -> Ingestion:
        """Returns the ingestion that is open."""
        found = await ingestions.find_open(self.database, self.source.name)
        assert found is not None
        return found

    async def cursors(self) -> list[str | None]:
        """Returns the cursors of the pages that have come in, the first one first."""
        return [mark.cursor for mark in reversed(await self.steering.marks(await self.ingestion()))]

    @property
    def names(self) -> list[str]:
        """What is in the catalog."""
        return sorted(self.catalog.entities)


Ingest = Callable[..., Ingested]


@pytest.fixture
async def ingest(database: DatabaseService) -> Ingest:
    """Gives the function that makes a source to be gone through, on each database engine."""
    await database.migrate("understage.catalog_module_incremental_ingestion")

    def make(*pages: str, **options: Any) -> Ingested:
        return Ingested(database, Source(*pages), **options)

    return make


@pytest.fixture
def make_entity() -> Callable[..., DeferredEntity]:
    """Gives the function that makes components as providers bring them."""
    return entity


@pytest.fixture
def make_refs() -> Callable[..., list[str]]:
    """Gives the function that makes names of components."""
    return refs


@pytest.fixture
def make_source() -> type[Source]:
    """Gives the class of sources in pages."""
    return Source
