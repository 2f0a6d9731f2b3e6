"""Databases on a real Postgres, for backends that run as processes."""

import asyncio
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from tests.support.not_run import not_run

from understage.testing.databases import POSTGRES_URL_VARIABLE, postgres_url


@dataclass(frozen=True)
class PostgresDatabases:
    """The databases of one installation: those whose names begin with its prefix.

    Attributes:
        prefix: how their names begin.
        url: the server.
    """

    prefix: str
    url: str = field(default_factory=postgres_url)

    @property
    def config(self) -> str:
        """The section `backend.database` as YAML on one line."""
        return f"{{client: pg, prefix: {self.prefix}, connection: '{self.url}'}}"

    async def fetch(self, query: str, *args: object, plugin: str | None = None) -> list[Any]:
        """Runs a query as the administrator, in the database of a plugin or in the server's own."""
        database = {} if plugin is None else {"database": f"{self.prefix}{plugin}"}
        connection = await asyncpg.connect(self.url, **database)
        try:
            return list(await connection.fetch(query, *args))
        finally:
            await connection.close()

    async def names(self) -> list[str]:
        rows = await self.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", self.prefix)
        return sorted(row["datname"] for row in rows)

    async def drop_connections(self) -> int:
        """Ends all connections of the installation, as a restart of the server does; returns how many there were."""
        rows = await self.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE starts_with(datname, $1) AND application_name LIKE 'understage_plugin_%'",
            self.prefix,
        )
        return len(rows)


@contextmanager
def postgres_databases() -> Iterator[PostgresDatabases]:
    """Gives a prefix that nobody else uses, and drops its databases afterwards.

    Without a server the test is reported as not run, and in CI as failed.
    """
    if not is_reachable():
        not_run(f"no Postgres answers at the host and port of {POSTGRES_URL_VARIABLE}")
    databases = PostgresDatabases(f"understage_test_{uuid.uuid4().hex[:12]}_")
    try:
        yield databases
    finally:
        asyncio.run(_drop(databases))


async def _drop(databases: PostgresDatabases) -> None:
    for name in await databases.names():
        await databases.fetch(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def is_reachable() -> bool:
    parts = urlsplit(postgres_url())
    try:
        with socket.create_connection((parts.hostname or "localhost", parts.port or 5432), 1.0):
            return True
    except OSError:
        return False
