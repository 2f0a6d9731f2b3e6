"""What the configuration says about one plugin's database, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from understage.defaults.database.pool import PoolLimits

POSTGRES_LIMITS = PoolLimits()
SQLITE_LIMITS = PoolLimits(maximum=4)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How a connection is encrypted.

    Attributes:
        ca: certificates to trust, PEM text; None for those of the system.
        cert: the client's certificate, PEM text.
        key: the client's private key, PEM text.
        verify: whether the server's certificate and name are checked.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = field(default=None, repr=False)
    verify: bool = True


@dataclass(frozen=True, slots=True)
class RdsLogin:
    """A login at Amazon RDS with IAM.

    Attributes:
        region: where the database is.
    """

    region: str


@dataclass(frozen=True, slots=True)
class EntraLogin:
    """A login at Azure Database for PostgreSQL with Entra ID.

    Attributes:
        tenant_id: an application's tenant.
        client_id: the application, or a managed identity; by default the one that the system has assigned.
        client_secret: the application's secret.
    """

    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)


CloudLogin: TypeAlias = RdsLogin | EntraLogin


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """A plugin's database on Postgres.

    Attributes:
        plugin_id: whose it is.
        source: the config key of the connection, with file and line where they are known, for messages.
        database: its name; None for the server's default.
        host: the server, or a folder of Unix sockets; None for the environment's or the default.
        port: its port.
        user: who connects.
        password: never shown.
        login: instead of a password, how a cloud lets it in.
        tls: encryption; None to prefer it without checking the certificate, False for none.
        ssl_options: `sslmode` and its siblings, as they stood in a URL.
        schema: the schema that holds the tables; None for the default one.
        role: taken on after connecting.
        server_settings: parameters that the server is given for each connection.
        connect_seconds: how long connecting may take.
        ensure_database: whether a missing database is created.
        ensure_schema: whether a missing schema is created.
        limits: the size of the pool.
        server_connections: how many connections all plugins may have to the server together.
        skip_migrations: whether an operator runs the migrations.
    """

    plugin_id: str
    source: str
    database: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | bool | None = None
    ssl_options: tuple[tuple[str, str], ...] = ()
    login: CloudLogin | None = None
    schema: str | None = None
    role: str | None = None
    server_settings: tuple[tuple[str, str], ...] = ()
    connect_seconds: float = 10.0
    ensure_database: bool = True
    ensure_schema: bool = False
    limits: PoolLimits = POSTGRES_LIMITS
    server_connections: int = 30
    skip_migrations: bool = False

    def title(self) -> str:
        """Names server and database, for messages."""
        server = f"PostgreSQL at {self.host or 'localhost'}:{self.port or 5432}"
        schema = f", schema '{self.schema}'" if self.schema else ""
        return f"the database of plugin '{self.plugin_id}' ({server}, database '{self.database or 'default'}'{schema})"

    def connection_key(self) -> tuple[object, ...]:
        """What is set on a connection: plugins with the same key can share a pool."""
        return (
            *(self.host, self.port, self.user, self.password, self.login, self.tls, self.ssl_options),
            *(self.database, self.schema, self.role, self.server_settings),
        )

    def server_key(self) -> tuple[object, ...]:
        """Which server it is: its connections are limited together."""
        return ("postgres", self.host, self.port)


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """A plugin's database on SQLite.

    Attributes:
        plugin_id: whose it is.
        source: the config key of the connection, with file and line where they are known, for messages.
        path: the file; None for a database in memory.
        limits: the size of the pool of readers.
        busy_seconds: how long a statement waits for another process.
        skip_migrations: whether an operator runs the migrations.
    """

    plugin_id: str
    source: str
    path: Path | None = None
    limits: PoolLimits = SQLITE_LIMITS
    busy_seconds: float = 5.0
    skip_migrations: bool = False

    def title(self) -> str:
        """Names the file, for messages."""
        where = "in memory" if self.path is None else f"file {self.path}"
        return f"the database of plugin '{self.plugin_id}' (SQLite {where})"


DatabaseSettings = PostgresSettings | SqliteSettings
