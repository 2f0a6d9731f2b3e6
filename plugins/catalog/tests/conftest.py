"""A catalog without HTTP, on a database of its own: filled from files, processed when a test says so."""

import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.recording_logger import RecordingLogger

from understage.catalog.access import Access
from understage.catalog.database import index, stitching
from understage.catalog.database.refresh_state import NewEntity, insert_entities
from understage.catalog.database.stitching import FinalEntity
from understage.catalog.extensions import Extensions
from understage.catalog.http.gate import Gate
from understage.catalog.processing.search_rows import search_rows
from understage.catalog.query.predicates import EVERYTHING
from understage.catalog.running import RunningCatalog
from understage.catalog.service import EntitiesCatalog
from understage.catalog.totals import Totals
from understage.catalog_api import (
    CatalogProcessor,
    DeferredEntity,
    DeltaMutation,
    EntityJson,
    EntityProvider,
    EntityProviderConnection,
    FullMutation,
    Removal,
)
from understage.config import config_from_data
from understage.plugin_api import DatabaseService
from understage.testing import MockMetrics, MockUrlReader, TestDatabases, mock_services


class CollectedLogs(RecordingLogger):
    """A logger that keeps what is logged."""

    def problems(self) -> list[str]:
        return [str(metadata.get("problem", message)) for level, message, metadata in self.entries if level != "info"]


class CatalogUnderTest:
    """A catalog over a folder of entity files."""

    def __init__(self, database: DatabaseService, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.logs = CollectedLogs()
        self.totals = Totals(database)
        self.reads = EntitiesCatalog(database, self.totals)
        access = Access(mock_services.permissions(), mock_services.permissions_registry(plugin_id="catalog"), database)
        self.gate = Gate(access, mock_services.http_auth(plugin_id="catalog"), mock_services.auditor())
        self.events = mock_services.events()
        self.metrics = MockMetrics()
        self.failures: list[BaseException] = []
        self.running: RunningCatalog | None = None
        self.web = MockUrlReader()
        self.extend: Callable[[Extensions], None] | None = None

    def write(self, name: str, text: str) -> Path:
        """Writes an entity file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    async def start(
        self,
        *targets: str,
        catalog: dict[str, Any] | None = None,
        processors: Sequence[CatalogProcessor] = (),
        providers: Sequence[EntityProvider] = (),
    ) -> None:
        """Starts anew, as a restarted process does, and works until nothing is due."""
        self.running = self.create(*targets, catalog=catalog, processors=processors, providers=providers)
        await self.running.connect_providers()
        await self.running.engine.settle()

    def create(
        self,
        *targets: str,
        catalog: dict[str, Any] | None = None,
        processors: Sequence[CatalogProcessor] = (),
        providers: Sequence[EntityProvider] = (),
    ) -> RunningCatalog:
        """Creates a catalog over files of the folder; by default everything may come from everywhere."""
        everything = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"]
        locations = [{"type": "file", "target": str(self.folder / target)} for target in targets]
        settings = {"rules": [{"allow": everything}], "locations": locations, **(catalog or {})}
        extensions = Extensions()
        if self.extend is not None:
            self.extend(extensions)
        extensions.processing.processors += processors
        for provider in providers:
            extensions.processing.add_provider(provider, self.failures.append)
        config = config_from_data({"catalog": settings})
        return RunningCatalog(
            config, self.database, self.logs, extensions, self.totals, self.web, self.events, self.metrics
        )

    async def settle(self) -> None:
        """Works until nothing is due."""
        assert self.running is not None
        await self.running.engine.settle()

    async def later(self) -> None:
        """Lets all intervals pass, and works until nothing is due."""
        await self.database.execute("UPDATE refresh_state SET next_update_at = $1", datetime.now(UTC))
        await self.settle()

    async def get(self, ref: str) -> EntityJson | None:
        """Returns an entity as it is served."""
        (text,) = await self.reads.by_refs([ref], EVERYTHING)
        return None if text is None else msgspec.json.decode(text)

    async def refs(self) -> list[str]:
        """Returns the names of all entities but Locations."""
        rows = await self.database.fetch("SELECT entity_ref FROM final_entities ORDER BY entity_ref")
        return [row[0] for row in rows if not row[0].startswith("location:")]

    async def relations(self, ref: str) -> list[tuple[str, str]]:
        """Returns the relations of an entity."""
        entity = await self.get(ref)
        assert entity is not None, f"{ref} is not served"
        return [(relation["type"], relation["targetRef"]) for relation in entity["relations"]]

    async def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Returns all that is served, with the times at which it was written."""
        return {
            table: sorted(await self.database.fetch(f"SELECT * FROM {table}"), key=repr)
            for table in ("final_entities", "search", "relations", "refresh_state_references", "stitch_queue")
        }


def component(name: str, *, owner: str = "team", **spec: object) -> str:
    """Returns the YAML document of a component."""
    more = "".join(f", {key}: {msgspec.json.encode(value).decode()}" for key, value in spec.items())
    return (
        f"---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\n"
        f"spec: {{type: service, lifecycle: production, owner: {owner}{more}}}\n"
    )


@pytest.fixture
def make_component() -> Callable[..., str]:
    """Gives the function that makes YAML documents of components."""
    return component


class Provider:
    """A provider whose mutations a test makes."""

    def __init__(self, name: str = "test-provider") -> None:
        self.name = name
        self.connection: EntityProviderConnection | None = None

    async def connect(self, connection: EntityProviderConnection) -> None:
        self.connection = connection

    async def full(self, *entities: DeferredEntity, force: bool = False) -> None:
        """Says what there is now."""
        assert self.connection is not None
        await self.connection.apply_mutation(FullMutation(entities, force=force))

    async def delta(self, *added: DeferredEntity, removed: Sequence[str | Removal] = ()) -> None:
        """Says what has changed."""
        assert self.connection is not None
        await self.connection.apply_mutation(DeltaMutation(added, removed))


def deferred(name: str, key: str | None = "url:http://x/y", *, kind: str = "Component", **spec: Any) -> DeferredEntity:
    """Returns an entity as providers bring it."""
    members = {"type": "service", "lifecycle": "x", "owner": "team"} if kind == "Component" else {}
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "annotations": {"backstage.io/managed-by-location": "url:http://x/y"}},
        "spec": {**members, **spec},
    }
    return DeferredEntity(entity, key)


@pytest.fixture
def make_provider() -> type[Provider]:
    """Gives the class of providers whose mutations a test makes."""
    return Provider


@pytest.fixture
def make_deferred() -> Callable[..., DeferredEntity]:
    """Gives the function that makes entities as providers bring them."""
    return deferred


@pytest.fixture
async def catalog(database: DatabaseService, tmp_path: Path) -> CatalogUnderTest:
    """Gives a catalog on each database engine."""
    await database.migrate("understage.catalog")
    return CatalogUnderTest(database, tmp_path)


@pytest.fixture
async def sqlite_catalog(tmp_path: Path) -> AsyncIterator[CatalogUnderTest]:
    """Gives a catalog on SQLite, for what has nothing to do with the database."""
    databases = TestDatabases.create(ids=["SQLITE"])
    database = await databases.init("SQLITE")
    await database.migrate("understage.catalog")
    yield CatalogUnderTest(database, tmp_path)
    await databases.close()


async def fill_tables(database: DatabaseService, entities: list[EntityJson]) -> None:
    """Writes entities as they are served, with their index rows."""
    now = datetime.now(UTC)
    new, final, rows = [], [], []
    for one in entities:
        uid, metadata = one["metadata"]["uid"], one["metadata"]
        ref = f"{one['kind']}:{metadata['namespace']}/{metadata['name']}".lower()
        text = msgspec.json.encode(one).decode()
        new.append(NewEntity(uid, ref, text, "", None))
        final.append(FinalEntity(uid, ref, one["kind"].lower(), text, ""))
        rows += search_rows(uid, one)
    async with database.transaction() as connection:
        await insert_entities(connection, new, now)
        await stitching.store_final_entities(connection, final, now)
        await index.change_rows(connection, rows)


@pytest.fixture
def fill() -> Callable[[DatabaseService, list[EntityJson]], Awaitable[None]]:
    """Gives the function that writes entities as they are served, with their index rows."""
    return fill_tables
