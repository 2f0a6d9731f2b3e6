"""Databases for tests: a fresh one for each test, on every engine that is supported."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Literal, cast

import pytest

from understage.testing.servers import is_ci, is_reachable

if TYPE_CHECKING:
    from understage.defaults.database.manager import DatabaseManager
    from understage.plugin_api import DatabaseService

DatabaseId = Literal["SQLITE", "POSTGRES"]
DATABASE_IDS: tuple[DatabaseId, ...] = ("SQLITE", "POSTGRES")

POSTGRES_URL_VARIABLE = "UNDERSTAGE_TEST_POSTGRES_URL"
DEFAULT_POSTGRES_URL = "postgresql://postgres@127.0.0.1:5432/postgres"

_PLUGIN_ID = "test"


def postgres_url() -> str:
    """Returns the URL of the server that tests create their databases on; its database must exist."""
    return os.environ.get(POSTGRES_URL_VARIABLE) or DEFAULT_POSTGRES_URL


class TestDatabases:
    """Creates databases for tests and drops them afterwards.

    `SQLITE` is a database in memory and always supported. `POSTGRES` is a database on the server that
    `UNDERSTAGE_TEST_POSTGRES_URL` names (by default `postgresql://postgres@127.0.0.1:5432/postgres`); where nothing
    listens there it is not supported, except in CI (`CI=true`), where that is an error.

    Args:
        ids: the engines wanted, in order.
    """

    # Pytest would take it for a class of tests.
    __test__ = False

    def __init__(self, ids: Sequence[DatabaseId] = DATABASE_IDS) -> None:
        for database_id in ids:
            _check_id(database_id)
        self._ids = tuple(ids)
        self._managers: list[DatabaseManager] = []
        self._created: list[str] = []

    @classmethod
    def create(cls, *, ids: Sequence[DatabaseId] = DATABASE_IDS) -> TestDatabases:
        """Creates a set of test databases.

        Args:
            ids: the engines wanted, in order.

        Raises:
            ValueError: an id is unknown.
        """
        return cls(ids)

    def supported_ids(self) -> list[DatabaseId]:
        """Returns the ids that can be used here, in the order in which they were wanted."""
        return [database_id for database_id in self._ids if self.supports(database_id)]

    def supports(self, database_id: str) -> bool:
        """Tells whether a database of this id was wanted and can be used here."""
        _check_id(database_id)
        if database_id not in self._ids:
            return False
        return database_id == "SQLITE" or is_ci() or is_reachable(postgres_url(), 5432)

    async def init(self, database_id: str, *, skip_migrations: bool = False) -> DatabaseService:
        """Returns a fresh, empty database, which `close` drops.

        Args:
            database_id: `SQLITE` or `POSTGRES`.
            skip_migrations: what its `migrations.skip` says.

        Raises:
            ValueError: the id is unknown, or is not supported here.
        """
        if not await asyncio.to_thread(self.supports, database_id):
            raise ValueError(f"database '{database_id}' is not supported here; supported are {self.supported_ids()}")
        if database_id == "SQLITE":
            settings: dict[str, object] = {"client": "better-sqlite3", "connection": ":memory:"}
        else:
            name = f"understage_test_{uuid.uuid4().hex}"
            settings = {
                "client": "pg",
                "connection": postgres_url(),
                "plugin": {_PLUGIN_ID: {"connection": {"database": name}}},
            }
            self._created.append(name)
        manager = _manager({**settings, "skipMigrations": skip_migrations})
        self._managers.append(manager)
        return manager.for_plugin(_PLUGIN_ID)

    async def close(self) -> None:
        """Closes all databases and drops those on a server."""
        for manager in self._managers:
            await manager.close()
        self._managers.clear()
        if not self._created:
            return
        names, self._created = self._created, []
        admin = _manager({"client": "pg", "plugin": {"admin": {"connection": postgres_url()}}})
        try:
            database = admin.for_plugin("admin")
            for name in names:
                await database.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await admin.close()


@pytest.fixture
async def test_databases() -> AsyncIterator[TestDatabases]:
    """Gives a `TestDatabases`, closed after the test."""
    databases = TestDatabases.create()
    yield databases
    await databases.close()


@pytest.fixture(params=DATABASE_IDS)
async def database(request: pytest.FixtureRequest) -> AsyncIterator[DatabaseService]:
    """Gives a fresh database; the test runs once for each engine."""
    database_id = cast("DatabaseId", request.param)
    databases = TestDatabases.create(ids=[database_id])
    if not await asyncio.to_thread(databases.supports, database_id):
        server = postgres_url().rpartition("@")[2]
        pytest.skip(f"no Postgres answers at {server}; name one in {POSTGRES_URL_VARIABLE}")
    yield await databases.init(database_id)
    await databases.close()


def _manager(settings: dict[str, object]) -> DatabaseManager:
    from understage.config import config_from_data
    from understage.defaults.database.manager import DatabaseManager

    return DatabaseManager(config_from_data({"backend": {"database": settings}}, name="test databases"))


def _check_id(database_id: str) -> None:
    if database_id not in DATABASE_IDS:
        raise ValueError(f"unknown test database '{database_id}'; known are {', '.join(DATABASE_IDS)}")
