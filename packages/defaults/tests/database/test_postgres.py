import asyncio
import importlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from understage.defaults.database.manager import DatabaseManager
from understage.errors import ConflictError, ServiceUnavailableError, UnsupportedOperationError, error_status
from understage.plugin_api import DatabaseService

ManagerMaker = Callable[[dict[str, Any]], DatabaseManager]


class Server:
    """The test server, and what was created on it."""

    def __init__(self, url: str, make_manager: ManagerMaker) -> None:
        self.url = url
        self.prefix = f"understage_test_{uuid4().hex[:12]}_"
        self._make = make_manager
        self.admin = make_manager({"client": "pg", "plugin": {"admin": {"connection": url}}}).for_plugin("admin")

    def manager(self, **data: Any) -> DatabaseManager:
        """A manager whose databases are dropped after the test."""
        return self._make({"client": "pg", "connection": self.url, "prefix": self.prefix, **data})

    def in_schemas(self, database: str, **data: Any) -> DatabaseManager:
        """A manager that keeps plugins in schemas of one database."""
        connection = {"connectionString": self.url, "database": f"{self.prefix}{database}"}
        return self.manager(connection=connection, pluginDivisionMode="schema", **data)

    async def drop(self) -> None:
        rows = await self.admin.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", f"{self.prefix}%")
        for (name,) in rows:
            await self.admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        for (role,) in await self.admin.fetch("SELECT rolname FROM pg_roles WHERE rolname LIKE $1", f"{self.prefix}%"):
            await self.admin.execute(f'DROP ROLE "{role}"')


@pytest.fixture
async def server(postgres: str, make_manager: ManagerMaker) -> AsyncIterator[Server]:
    server = Server(postgres, make_manager)
    yield server
    await server.drop()


async def value(database: DatabaseService, query: str) -> Any:
    row = await database.fetch_row(query)
    assert row is not None
    return row[0]


async def test_the_same_database_each_time(server: Server) -> None:
    """S10: a plugin is given the same database each time, and nothing is connected before its first statement."""
    manager = server.manager()
    database = manager.for_plugin("user-settings")
    assert manager.for_plugin("user-settings") is database
    assert await server.admin.fetch("SELECT 1 FROM pg_database WHERE datname LIKE $1", f"{server.prefix}%") == []

    assert await value(database, "SELECT current_database()") == f"{server.prefix}user-settings"


async def test_a_missing_database_is_created(server: Server) -> None:
    """S16: a database that is missing is created on first use, by many replicas at once without an error."""
    managers = [server.manager() for _ in range(4)]
    plugins = ["catalog", "search"]
    values = await asyncio.gather(
        *(value(manager.for_plugin(plugin), "SELECT 1") for manager in managers for plugin in plugins)
    )
    assert values == [1] * 8


async def test_creating_is_tried_again(server: Server) -> None:
    """S16: creating the database is tried three times, 100 ms apart, and then fails with the server's reason."""
    database = server.manager(connection={"connectionString": server.url, "user": "postgres"}).for_plugin("catalog")
    await server.admin.execute("SELECT 1")
    connector = database._connector  # type: ignore[attr-defined]
    tries: list[str] = []
    real = connector._run_as_admin

    async def failing(statement: str) -> None:
        tries.append(statement)
        if len(tries) < 3:
            raise ServiceUnavailableError("source database is being accessed by other users")
        await real(statement)

    connector._run_as_admin = failing
    started = asyncio.get_running_loop().time()
    assert await value(database, "SELECT 1") == 1
    assert len(tries) == 3
    assert asyncio.get_running_loop().time() - started >= 0.2

    other = server.manager().for_plugin("other")
    tries.clear()

    async def refusing(statement: str) -> None:
        tries.append(statement)
        raise ServiceUnavailableError("permission denied to create database")

    other._connector._run_as_admin = refusing  # type: ignore[attr-defined]
    with pytest.raises(ServiceUnavailableError, match=r"does not exist and cannot be created; .*permission denied"):
        await other.fetch("SELECT 1")
    assert len(tries) == 3


async def test_a_missing_database_that_is_not_to_be_created(server: Server) -> None:
    """S16: with ensureExists false a missing database is an error that says what to do."""
    database = server.manager(ensureExists=False).for_plugin("catalog")

    with pytest.raises(
        ServiceUnavailableError, match=r"does not exist; create it, or set backend.database.ensureExists"
    ):
        await database.fetch("SELECT 1")
    assert await server.admin.fetch("SELECT 1 FROM pg_database WHERE datname LIKE $1", f"{server.prefix}%") == []


async def test_copying_many_rows_leaves_the_event_loop_to_others(server: Server) -> None:
    """The driver encodes rows on the event loop; others have their turn after each thousand of them."""
    database = server.manager().for_plugin("catalog")
    await database.execute("CREATE TABLE numbers (n integer)")
    turns = 0
    rows_of_turn: Counter[int] = Counter()

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    def rows() -> Iterator[tuple[int]]:
        for number in range(30_000):
            rows_of_turn[turns] += 1
            yield (number,)

    others = asyncio.create_task(take_turns())
    await database.copy("numbers", ["n"], rows())
    others.cancel()
    assert max(rows_of_turn.values()) <= 1000
    assert await value(database, "SELECT count(*) FROM numbers") == 30_000


async def test_plugins_never_see_each_others_tables(server: Server) -> None:
    """S14, S15: tables of one plugin do not exist for another, in databases as in schemas, with hyphens in the name."""
    for manager in (server.manager(), server.in_schemas("shared")):
        one, two = manager.for_plugin("user-settings"), manager.for_plugin("catalog")
        await one.execute("CREATE TABLE secrets (n integer)")
        await one.copy("secrets", ["n"], [(1,)])
        with pytest.raises(Exception, match='relation "secrets" does not exist'):
            await two.fetch("SELECT * FROM secrets")
        await two.execute("CREATE TABLE secrets (n text)")
        assert await one.fetch("SELECT n FROM secrets") == [(1,)]


async def test_schemas_in_one_database(server: Server) -> None:
    """S15: in schema mode the search path is the plugin's schema in the shared database, with an optional prefix."""
    database = server.in_schemas("shared").for_plugin("user-settings")
    assert await value(database, "SELECT current_database()") == f"{server.prefix}shared"
    assert await value(database, "SELECT current_schema()") == "user-settings"
    prefixed = server.in_schemas("shared", schemaPrefix="p-").for_plugin("catalog")
    assert await value(prefixed, "SELECT current_schema()") == "p-catalog"


async def test_a_missing_schema(server: Server) -> None:
    """S16, S17: a schema is created when ensureSchemaExists or ensureExists says so, also per plugin."""
    await value(server.in_schemas("shared").for_plugin("first"), "SELECT 1")
    strict = server.in_schemas("shared", ensureExists=False, plugin={"second": {"ensureSchemaExists": True}})
    assert await value(strict.for_plugin("second"), "SELECT current_schema()") == "second"
    with pytest.raises(
        ServiceUnavailableError, match=r"schema 'third' .* create it, or set backend.database.ensureSchema"
    ):
        await strict.for_plugin("third").fetch("SELECT 1")

    replicas = [server.in_schemas("shared").for_plugin("fourth") for _ in range(4)]
    assert await asyncio.gather(*(value(each, "SELECT current_schema()") for each in replicas)) == ["fourth"] * 4


async def test_the_application_name(server: Server) -> None:
    """S18: the server sees the plugin's name on each of its connections.

    deviation: the name starts with understage_plugin_, like the databases.
    """
    database = server.manager().for_plugin("catalog")
    assert await value(database, "SHOW application_name") == "understage_plugin_catalog"


async def test_queries_are_not_compiled(server: Server) -> None:
    """S18: the server's compiler, which takes longer over long queries than they run, is off unless it is asked for."""
    assert await value(server.manager().for_plugin("first"), "SHOW jit") == "off"
    asked = server.manager(connection={"serverSettings": {"jit": "on"}})
    assert await value(asked.for_plugin("second"), "SHOW jit") == "on"


async def test_a_role_is_taken_on(server: Server) -> None:
    """S18: each connection takes on the configured role, which owns what is created; an unknown one is named."""
    role = f"{server.prefix}owner"
    await server.admin.execute(f'CREATE ROLE "{role}"')
    for manager in (server.manager(role=role), server.in_schemas("shared", role=role)):
        database = manager.for_plugin("catalog")
        users = await asyncio.gather(*(value(database, "SELECT current_user") for _ in range(3)))
        assert set(users) == {role}
        await database.execute("CREATE TABLE owned (n integer)")
        assert await value(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'owned'") == role
    with pytest.raises(
        ServiceUnavailableError, match=r"role 'nobody-here' \(backend.database.role\) cannot be taken on"
    ):
        await (
            server.manager(
                role="nobody-here",
                ensureExists=False,
                prefix="postgres",
                plugin={"x": {"connection": {"database": f"{server.prefix}catalog"}}},
            )
            .for_plugin("x")
            .fetch("SELECT 1")
        )


async def test_the_tables_of_a_node_backend_are_refused(server: Server, migration_package: Callable[..., Path]) -> None:
    """A database or schema with knex_migrations and without our books is left untouched; the error says what to set."""
    migration_package("pkg_ours", **{"1_first": "CREATE TABLE ours (n integer)"})
    cases: list[tuple[Callable[[], DatabaseManager], str, str]] = [
        (server.manager, f"database '{server.prefix}catalog'", "prefix"),
        (lambda: server.in_schemas("node"), f"schema 'catalog' of database '{server.prefix}node'", "schemaPrefix"),
    ]
    for manager, where, key in cases:
        database = manager().for_plugin("catalog")
        await database.execute("CREATE TABLE backstage_backend_tasks__knex_migrations (id integer)")
        fresh = manager().for_plugin("catalog")
        for attempt in (fresh.migrate("pkg_ours"), fresh.fetch("SELECT 1")):
            with pytest.raises(ConflictError) as caught:
                await attempt
            assert f"{where} of plugin 'catalog' holds the tables of a Node backend" in str(caught.value)
            assert f"Set backend.database.{key}" in str(caught.value)
            assert "backend.database.prefix" in str(caught.value)
        tables = await database.fetch("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        assert tables == [(1,)]


async def test_an_unreachable_server_is_one_clear_message(make_manager: ManagerMaker) -> None:
    """An unreachable database is a 503 that names plugin, host, port, database and config key, no password."""
    connection = {"host": "127.0.0.1", "port": 1, "user": "me", "password": "s3cret"}
    database = make_manager({"client": "pg", "connection": connection}).for_plugin("catalog")

    with pytest.raises(ServiceUnavailableError) as caught:
        await database.fetch("SELECT 1")
    message = str(caught.value)
    assert message.startswith(
        "the database of plugin 'catalog' (PostgreSQL at 127.0.0.1:1, database 'understage_plugin_catalog') cannot be "
        "reached; check that the server runs, and backend.database.connection (app-config.yaml); caused by "
    )
    assert "s3cret" not in message
    assert error_status(caught.value) == 503
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        async with database.transaction():
            pass
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        async with database.listen("x"):
            pass


async def test_a_refused_login_names_the_user(server: Server) -> None:
    """A login that the server refuses is a message that names the user and where to look."""
    connection = {"connectionString": server.url, "user": f"{server.prefix}nobody"}
    database = server.manager(connection=connection).for_plugin("catalog")

    with pytest.raises(
        ServiceUnavailableError, match=rf"refused the login of user '{server.prefix}nobody'; check user and"
    ):
        await database.fetch("SELECT 1")


async def test_a_server_that_does_not_answer(make_manager: ManagerMaker) -> None:
    """A server that accepts and says nothing fails after the configured time."""
    clients: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _reader, writer: clients.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    connection = {"host": "127.0.0.1", "port": port, "user": "me", "connectionTimeoutMillis": 50, "ssl": False}
    database = make_manager({"client": "pg", "connection": connection}).for_plugin("catalog")

    with pytest.raises(ServiceUnavailableError, match=r"did not answer within 0\.05 s"):
        await database.fetch("SELECT 1")
    for client in clients:
        client.transport.abort()
    silent.close()


async def test_a_missing_driver_names_the_command(make_manager: ManagerMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the Postgres driver, the error prints the command that installs it."""
    real = importlib.import_module

    def without_driver(name: str, package: str | None = None) -> Any:
        if name == "asyncpg":
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without_driver)
    database = make_manager({"client": "pg", "connection": "postgres://h/x"}).for_plugin("catalog")

    with pytest.raises(UnsupportedOperationError, match=r"pip install 'understage\[postgres\]'"):
        await database.fetch("SELECT 1")


class Proxy:
    """A stand-in for the server's port, which can be cut and opened again like a server that restarts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, upstream_writer]
        await asyncio.gather(self._pipe(reader, upstream_writer), self._pipe(upstream_reader, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


@pytest.fixture
async def proxy(postgres: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(postgres)
    await proxy.start()
    yield proxy
    await proxy.cut()


def through(proxy: Proxy, server: Server) -> DatabaseService:
    connection = {"connectionString": server.url, "host": "127.0.0.1", "port": proxy.port, "ssl": False}
    return server.manager(connection=connection).for_plugin("catalog")


async def test_a_restarted_server_needs_no_restart_here(server: Server, proxy: Proxy) -> None:
    """S21: when the server went away and came back, statements work again by themselves; meanwhile they are 503.

    deviation: instead of a query every minute, broken connections are replaced when they are asked for.
    """
    database = through(proxy, server)
    await asyncio.gather(*(value(database, "SELECT 1") for _ in range(5)))
    running = asyncio.create_task(database.fetch("SELECT pg_sleep(10)"))
    await asyncio.sleep(0.05)
    await proxy.cut()
    with pytest.raises(
        ServiceUnavailableError, match=r"the connection to the database of plugin 'catalog' .* was lost"
    ):
        await running
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        await database.fetch("SELECT 1")

    await proxy.start()
    assert await asyncio.gather(*(value(database, "SELECT 1") for _ in range(5))) == [1] * 5


async def test_a_connection_lost_within_a_transaction(server: Server, proxy: Proxy) -> None:
    """S21: a transaction whose connection breaks is a 503, is undone, and the next one works.

    deviation: instead of a query every minute, broken connections are replaced when they are asked for.
    """
    database = through(proxy, server)
    await database.execute("CREATE TABLE t (n integer)")

    async def broken() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO t VALUES (1)")
            await proxy.cut()
            await proxy.start()
            await transaction.execute("INSERT INTO t VALUES (2)")

    with pytest.raises(ServiceUnavailableError, match="was lost"):
        await broken()
    async with database.transaction() as transaction:
        assert await transaction.fetch("SELECT n FROM t") == []


async def test_a_dropped_connection_is_replaced(server: Server) -> None:
    """S21: connections that an administrator ends are replaced without anybody noticing.

    deviation: instead of a query every minute, broken connections are replaced when they are asked for.
    """
    database = server.manager().for_plugin("catalog")
    [(pid,)] = await database.fetch("SELECT pg_backend_pid()")
    await server.admin.execute("SELECT pg_terminate_backend($1)", pid)
    await asyncio.sleep(0.05)
    [(other,)] = await database.fetch("SELECT pg_backend_pid()")
    assert other != pid


async def test_an_ended_connection_in_use_is_a_503(server: Server) -> None:
    """A statement that the server's shutdown interrupts is a 503 that says that it may have taken effect or not."""
    database = server.manager().for_plugin("catalog")
    with pytest.raises(ServiceUnavailableError, match=r"may have taken effect or not; caused by .*administrator"):
        await database.fetch("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)")
    assert await value(database, "SELECT 1") == 1


async def test_the_servers_limit_holds_for_all_plugins(server: Server) -> None:
    """Plugins on one server never open more connections together than maxConnections."""
    manager = server.manager(maxConnections=3)
    plugins = [manager.for_plugin(f"p{number}") for number in range(4)]
    await asyncio.gather(*(plugin.fetch("SELECT pg_sleep(0.02)") for plugin in plugins for _ in range(5)))
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1"
    row = await server.admin.fetch_row(count, f"{server.prefix}%")
    assert row is not None
    assert 1 <= row[0] <= 3


async def test_the_same_connection_shares_a_pool(server: Server) -> None:
    """Plugins whose connections are set up alike share a pool; the plugin's name on them keeps pools apart."""
    shared = {"connection": {"database": f"{server.prefix}both", "application_name": "both"}}
    manager = server.manager(plugin={"one": shared, "two": shared})
    pids = [await value(manager.for_plugin(plugin), "SELECT pg_backend_pid()") for plugin in ("one", "two", "three")]

    assert pids[0] == pids[1] != pids[2]


async def test_closing_gives_all_connections_back(server: Server) -> None:
    """After closing, the server has no connection of ours left."""
    manager = server.manager()
    for plugin in ("one", "two"):
        async with manager.for_plugin(plugin).listen("x"):
            await value(manager.for_plugin(plugin), "SELECT 1")
    await manager.close()

    query = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1"
    for _ in range(50):
        if await server.admin.fetch_row(query, f"{server.prefix}%") == (0,):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("connections are left open")
