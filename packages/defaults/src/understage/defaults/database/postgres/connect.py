"""Opening connections to Postgres, and creating what they connect to."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from understage.defaults.database.guard import BOOKKEEPING_TABLE, FOREIGN_SUFFIX, check_tables
from understage.defaults.database.names import quoted
from understage.defaults.database.postgres.driver import load_driver
from understage.defaults.database.postgres.errors import ALREADY_EXISTS, MISSING_DATABASE, cannot_connect, sqlstate
from understage.defaults.database.postgres.logins import password_source
from understage.defaults.database.postgres.tls import tls_context
from understage.defaults.database.settings import PostgresSettings, TlsSettings
from understage.errors import ServiceUnavailableError, UnderstageError
from understage.integration.access_tokens import TokenHttpClient

ADMIN_DATABASE = "postgres"
ATTEMPTS = 3
ATTEMPT_SECONDS = 0.1
CACHED_STATEMENTS = 256


class PostgresConnector:
    """Opens connections of one kind; the first one makes sure that database and schema exist and are ours.

    Args:
        settings: which database.
        creating: held while something is created on the server.
        http_client: asks for tokens, where a cloud lets the connection in by one.
    """

    def __init__(
        self, settings: PostgresSettings, creating: asyncio.Lock, http_client: TokenHttpClient | None = None
    ) -> None:
        self._settings = settings
        self._password = password_source(settings, http_client)
        self._creating = creating
        self._ready = False
        self._first = asyncio.Lock()

    async def connect(self) -> Any:
        """Opens a connection on which role and search path are set.

        Raises:
            ServiceUnavailableError: the server or the database cannot be reached.
            ConflictError: the tables are a Node backend's.
        """
        if self._ready:
            return await self._take_role(await self._without_jit(await self._dial()))
        async with self._first:
            if self._ready:
                return await self._take_role(await self._without_jit(await self._dial()))
            connection = await self._dial_or_create()
            try:
                await self._prepare(connection)
            except BaseException:
                connection.terminate()
                raise
            connection = await self._take_role(await self._without_jit(connection))
            self._ready = True
            return connection

    async def _dial_or_create(self) -> Any:
        try:
            return await self._dial()
        except ServiceUnavailableError as error:
            missing = error.__cause__ is not None and sqlstate(error.__cause__) == MISSING_DATABASE
            if not missing or not self._settings.ensure_database:
                raise
        async with self._creating:
            await self._create_database()
        return await self._dial()

    async def _dial(self, *, database: str | None = None) -> Any:
        settings = self._settings
        driver = await load_driver()
        password = await self._password()
        try:
            return await driver.connect(
                f"postgresql://?{urlencode(settings.ssl_options)}",
                host=settings.host,
                port=settings.port,
                user=settings.user,
                password=password,
                database=database or settings.database,
                timeout=settings.connect_seconds,
                statement_cache_size=CACHED_STATEMENTS,
                server_settings=self._server_settings(),
                ssl=await self._tls(),
            )
        except (OSError, ValueError, driver.PostgresError, driver.InterfaceError) as error:
            raise cannot_connect(settings, error) from error

    def _server_settings(self) -> dict[str, str]:
        settings = dict(self._settings.server_settings)
        if self._settings.schema is not None:
            settings["search_path"] = quoted(self._settings.schema)
        return settings

    async def _tls(self) -> Any:
        tls = self._settings.tls
        return await asyncio.to_thread(tls_context, tls) if isinstance(tls, TlsSettings) else tls

    async def _create_database(self) -> None:
        name = self._settings.database or ""
        owner = f" OWNER {quoted(self._settings.role)}" if self._settings.role else ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._run_as_admin(f"CREATE DATABASE {quoted(name)}{owner}")
            except (UnderstageError, OSError) as error:
                failure: BaseException = error
            except Exception as error:
                if not sqlstate(error):
                    raise
                if sqlstate(error) in ALREADY_EXISTS:
                    return
                failure = error
            else:
                return
            if attempt == ATTEMPTS:
                raise ServiceUnavailableError(f"{self._settings.title()} does not exist and cannot be created", failure)
            await asyncio.sleep(ATTEMPT_SECONDS)

    async def _run_as_admin(self, statement: str) -> None:
        connection = await self._dial(database=ADMIN_DATABASE)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _prepare(self, connection: Any) -> None:
        schema = self._settings.schema
        if schema is not None and not await connection.fetchval(
            "SELECT 1 FROM pg_namespace WHERE nspname = $1", schema
        ):
            await self._create_schema(connection, schema)
        await self._refuse_foreign_tables(connection)

    async def _create_schema(self, connection: Any, schema: str) -> None:
        if not self._settings.ensure_schema:
            raise ServiceUnavailableError(
                f"schema '{schema}' of {self._settings.title()} does not exist; create it, or set "
                "backend.database.ensureSchemaExists to true"
            )
        owner = f" AUTHORIZATION {quoted(self._settings.role)}" if self._settings.role else ""
        async with self._creating:
            try:
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}{owner}")
            except Exception as error:
                if sqlstate(error) in ALREADY_EXISTS:
                    return
                raise ServiceUnavailableError(f"schema '{schema}' cannot be created", error) from error

    async def _refuse_foreign_tables(self, connection: Any) -> None:
        settings = self._settings
        names = await connection.fetch(
            "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname = current_schema() AND relkind IN ('r', 'p') AND (relname = $1 OR relname LIKE $2)",
            BOOKKEEPING_TABLE,
            f"%{FOREIGN_SUFFIX}",
        )
        where = f"database '{settings.database or 'default'}'"
        prefix = "prefix" if settings.schema is None else "schemaPrefix"
        check_tables(
            [row["relname"] for row in names],
            where=(f"schema '{settings.schema}' of {where}" if settings.schema else where)
            + f" of plugin '{settings.plugin_id}'",
            remedy=f"Set backend.database.{prefix} (or a database of the plugin's own) to another one"
            + ("" if settings.schema is None else "; for databases it is backend.database.prefix"),
        )

    async def _without_jit(self, connection: Any) -> Any:
        # Compiling a query with hundreds of conditions takes the server tens of seconds, running it takes milliseconds.
        # A statement, since poolers in between refuse connections that ask for settings they do not know.
        if "jit" not in dict(self._settings.server_settings):
            try:
                await connection.execute("SET jit = off")
            except BaseException:
                connection.terminate()
                raise
        return connection

    async def _take_role(self, connection: Any) -> Any:
        if self._settings.role is None:
            return connection
        try:
            await connection.execute(f"SET ROLE {quoted(self._settings.role)}")
        except BaseException as error:
            connection.terminate()
            if not sqlstate(error):
                raise
            message = (
                f"{self._settings.title()}: role '{self._settings.role}' (backend.database.role) cannot be taken on"
            )
            raise ServiceUnavailableError(message, error) from error
        return connection
