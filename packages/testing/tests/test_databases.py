import socket
from collections.abc import AsyncIterator

import pytest

from understage.errors import ServiceUnavailableError
from understage.plugin_api import DatabaseService
from understage.testing import databases as module
from understage.testing.databases import DEFAULT_POSTGRES_URL, TestDatabases, postgres_url


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Points the tests to a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://postgres@127.0.0.1:{free.getsockname()[1]}/postgres"
    monkeypatch.setenv("UNDERSTAGE_TEST_POSTGRES_URL", url)
    return url


@pytest.fixture
async def databases() -> AsyncIterator[TestDatabases]:
    databases = TestDatabases.create()
    yield databases
    await databases.close()


async def test_each_database_is_fresh(databases: TestDatabases) -> None:
    """T9: init gives a new, empty database each time, on every engine that is supported."""
    for database_id in databases.supported_ids():
        one, two = await databases.init(database_id), await databases.init(database_id)
        await one.execute("CREATE TABLE t (n integer)")
        await two.execute("CREATE TABLE t (other text)")
        assert await one.fetch("SELECT n FROM t") == []


async def test_databases_are_dropped_afterwards(databases: TestDatabases) -> None:
    """T9: closing drops what init created on a server, also while somebody is still connected."""
    if not databases.supports("POSTGRES"):
        pytest.skip(f"no Postgres answers at {postgres_url().rpartition('@')[2]}")
    mine = TestDatabases.create(ids=["POSTGRES"])
    created = await mine.init("POSTGRES")
    [(name,)] = await created.fetch("SELECT current_database()")
    await mine.close()

    other = await databases.init("POSTGRES")
    assert await other.fetch("SELECT 1 FROM pg_database WHERE datname = $1", name) == []
    with pytest.raises(ServiceUnavailableError):
        await created.fetch("SELECT 1")


def test_ids() -> None:
    """T9: only what was wanted is supported, in the order in which it was wanted, and unknown ids are named."""
    only = TestDatabases.create(ids=["SQLITE"])
    assert only.supported_ids() == ["SQLITE"]
    assert only.supports("SQLITE")
    assert not only.supports("POSTGRES")
    with pytest.raises(ValueError, match="unknown test database 'MYSQL_8'; known are SQLITE, POSTGRES"):
        TestDatabases.create(ids=["MYSQL_8"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="unknown test database 'X'"):
        only.supports("X")


async def test_without_a_server_postgres_is_not_supported(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """T9: where no server answers, Postgres is left out, except in CI, where its absence is an error.

    deviation: a Postgres that answers is used locally too, and no containers are started.
    """
    monkeypatch.delenv("CI", raising=False)
    databases = TestDatabases.create()
    assert databases.supported_ids() == ["SQLITE"]
    with pytest.raises(ValueError, match=r"'POSTGRES' is not supported here; supported are \['SQLITE'\]"):
        await databases.init("POSTGRES")

    monkeypatch.setenv("CI", "true")
    assert databases.supported_ids() == ["SQLITE", "POSTGRES"]
    missing = await databases.init("POSTGRES")
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        await missing.fetch("SELECT 1")


def test_where_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """T9: the environment names the server, else it is the one on this machine."""
    monkeypatch.delenv(module.POSTGRES_URL_VARIABLE, raising=False)
    assert postgres_url() == DEFAULT_POSTGRES_URL
    monkeypatch.setenv(module.POSTGRES_URL_VARIABLE, "postgresql://elsewhere/x")
    assert postgres_url() == "postgresql://elsewhere/x"


async def test_the_fixture_runs_on_every_engine(database: DatabaseService, request: pytest.FixtureRequest) -> None:
    """T9: a test that takes the fixture runs once for each engine."""
    assert request.node.callspec.params["database"] == {"sqlite": "SQLITE", "postgres": "POSTGRES"}[database.dialect]
    assert await database.fetch("SELECT 1") == [(1,)]


async def test_migrations_can_be_skipped(databases: TestDatabases) -> None:
    """T9: a database can be one whose migrations an operator runs."""
    assert (await databases.init("SQLITE")).migrations.skip is False
    assert (await databases.init("SQLITE", skip_migrations=True)).migrations.skip is True
