from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from understage.config import ConfigError, MissingConfigError, config_from_data
from understage.defaults.database.config import read_settings
from understage.defaults.database.pool import PoolLimits
from understage.defaults.database.settings import (
    DatabaseSettings,
    EntraLogin,
    PostgresSettings,
    RdsLogin,
    SqliteSettings,
    TlsSettings,
)

SERVER = {"host": "db.example", "port": "6543", "user": "me", "password": "s3cret"}


def read(data: dict[str, Any] | None, plugin_id: str = "catalog") -> tuple[DatabaseSettings, list[str]]:
    config = config_from_data({"backend": {"database": data}} if data is not None else {}, name="app-config.yaml")
    settings, warnings = read_settings(config, plugin_id)
    return settings, list(warnings)


def postgres(plugin_id: str = "catalog", **data: Any) -> PostgresSettings:
    settings, warnings = read({"client": "pg", "connection": SERVER, **data}, plugin_id)
    assert isinstance(settings, PostgresSettings)
    assert warnings == []
    return settings


def sqlite(plugin_id: str = "catalog", **data: Any) -> SqliteSettings:
    settings, warnings = read({"client": "better-sqlite3", **data}, plugin_id)
    assert isinstance(settings, SqliteSettings)
    assert warnings == []
    return settings


def complaint(data: dict[str, Any] | None, plugin_id: str = "catalog") -> str:
    with pytest.raises(ConfigError) as caught:
        read(data, plugin_id)
    return str(caught.value)


def test_a_missing_section_shows_what_to_write() -> None:
    """S11: without backend.database, the error names the plugin and shows a configuration that works."""
    message = complaint(None)

    assert "plugin 'catalog' needs a database, but backend.database is missing" in message
    assert "client: better-sqlite3" in message
    with pytest.raises(MissingConfigError, match=r"backend\.database\.client"):
        read({"connection": ":memory:"})


@pytest.mark.parametrize("client", ["mysql", "mysql2", "pglite", "embedded-postgres", "oracle"])
def test_an_unknown_client_is_named(client: str) -> None:
    """S11: a client that is not supported is an error that names it, the plugin and those that are.

    deviation: MySQL and the development-only clients are not supported; Postgres and SQLite cover their uses.
    """
    assert complaint({"client": client, "connection": SERVER}) == (
        f"app-config.yaml: backend.database.client: database client '{client}' of plugin 'catalog' is not supported; "
        "supported are pg, better-sqlite3, sqlite3"
    )
    own = {"client": "pg", "connection": SERVER, "plugin": {"catalog": {"client": client}}}
    assert "backend.database.plugin.catalog.client: database client" in complaint(own)


def test_each_plugin_has_a_database_of_its_own_name() -> None:
    """S14: the name is prefix and plugin id; the base connection's database plays no part, the plugin's own does.

    deviation: the default prefix is understage_plugin_, so that a Node backend's databases are never touched.
    """
    assert postgres().database == "understage_plugin_catalog"
    assert postgres(prefix="my_").database == "my_catalog"
    assert postgres(connection={**SERVER, "database": "base"}).database == "understage_plugin_catalog"
    assert postgres(connection="postgres://me@db.example/base").database == "understage_plugin_catalog"
    own = {"catalog": {"connection": {"database": "own"}}}
    assert postgres(plugin=own).database == "own"
    assert postgres("search", plugin=own).database == "understage_plugin_search"


def test_the_connection_is_an_object_or_a_url() -> None:
    """S12: host, port, user and password come from an object, a URL, or the URL in an object's connectionString."""
    expected = postgres()
    assert (expected.host, expected.port, expected.user, expected.password) == ("db.example", 6543, "me", "s3cret")
    url = "postgresql://me:s3cret@db.example:6543/x"
    for connection in (url, {"connectionString": url}, {"connectionString": url.replace("6543", "1"), "port": 6543}):
        assert replace(postgres(connection=connection), source="") == replace(expected, source="")


def test_a_url_may_hold_what_objects_hold() -> None:
    """Percent-encoded passwords, TLS modes, server parameters and the options of Node's driver are read from a URL."""
    settings = postgres(
        connection="postgres://a%40b:p%2Fw%20%25@[::1]:7000?sslmode=verify-full&sslrootcert=/ca.pem&work_mem=8MB"
        "&application_name=mine&uselibpqcompat=true"
    )
    assert (settings.user, settings.password, settings.host, settings.port) == ("a@b", "p/w %", "::1", 7000)
    assert settings.ssl_options == (("sslmode", "verify-full"), ("sslrootcert", "/ca.pem"))
    assert dict(settings.server_settings) == {"work_mem": "8MB", "application_name": "mine"}
    assert postgres(connection="postgres://h/x?ssl=true").tls == TlsSettings()
    assert postgres(connection="postgres:///x?host=/var/run/pg").host == "/var/run/pg"


@pytest.mark.parametrize("url", ["mysql://u:s3cret@h/x", "h:s3cret@5432", "postgres://u:s3cret@h:port/x"])
def test_a_wrong_url_is_not_shown(url: str) -> None:
    """A connection URL that cannot be used is named by its key, never quoted: it may hold a password."""
    message = complaint({"client": "pg", "connection": url})

    assert "app-config.yaml: backend.database.connection: " in message
    assert "s3cret" not in message


def test_the_plugins_own_settings_win() -> None:
    """S12: client, connection, ensureExists, ensureSchemaExists, knexConfig, role and skipMigrations are overridden."""
    own = {
        "connection": {"host": "own.example"},
        "ensureExists": False,
        "ensureSchemaExists": True,
        "knexConfig": {"pool": {"max": 3}},
        "role": "owner",
        "skipMigrations": True,
    }
    base: dict[str, Any] = {
        "pluginDivisionMode": "schema",
        "knexConfig": {"pool": {"min": 2, "max": 30}},
        "role": "base",
    }
    settings = postgres(plugin={"catalog": own}, **base)

    assert (settings.host, settings.port, settings.user) == ("own.example", 6543, "me")
    assert settings.ensure_database is False
    assert settings.ensure_schema is True
    assert settings.limits == PoolLimits(2, 3)
    assert settings.role == "owner"
    assert settings.skip_migrations is True
    other = postgres("search", plugin={"catalog": own}, **base)
    assert (other.host, other.ensure_database, other.limits, other.role) == (
        "db.example",
        True,
        PoolLimits(2, 30),
        "base",
    )


def test_another_client_inherits_no_connection(tmp_path: Path) -> None:
    """S12: a plugin with a client of its own starts from an empty connection."""
    own = {"client": "better-sqlite3", "connection": {"directory": str(tmp_path)}}
    settings, _ = read({"client": "pg", "connection": SERVER, "plugin": {"catalog": own}})
    assert settings == SqliteSettings("catalog", settings.source, tmp_path / "catalog.sqlite")

    own = {"client": "pg", "connection": {"user": "me"}}
    mixed, warnings = read({"client": "sqlite3", "connection": ":memory:", "plugin": {"catalog": own}})
    assert isinstance(mixed, PostgresSettings)
    assert (mixed.host, mixed.user, warnings) == (None, "me", [])
    assert postgres(plugin={"catalog": {"client": "pg"}}).host == "db.example"


def test_migrations_can_be_skipped() -> None:
    """S13: the plugin's skipMigrations beats the base one, which is false by default."""
    assert postgres().skip_migrations is False
    assert postgres(skipMigrations=True).skip_migrations is True
    assert postgres(skipMigrations=True, plugin={"catalog": {"skipMigrations": False}}).skip_migrations is False


def test_division_by_schema() -> None:
    """S15: one database, and a schema for each plugin, named like it after an optional prefix of at most 63 bytes."""
    settings = postgres(pluginDivisionMode="schema", connection={**SERVER, "database": "all"})
    assert (settings.database, settings.schema) == ("all", "catalog")
    assert postgres(pluginDivisionMode="schema").database is None
    assert postgres(pluginDivisionMode="schema", schemaPrefix="p_").schema == "p_catalog"
    assert postgres(pluginDivisionMode="database").schema is None
    too_long = {"client": "pg", "connection": SERVER, "pluginDivisionMode": "schema", "schemaPrefix": "é" * 30}
    assert "has 67 bytes, and Postgres allows 63" in complaint(too_long)
    assert "has 64 bytes" in complaint({"client": "pg", "connection": SERVER, "prefix": "x" * 57})
    assert "expected 'database' or 'schema', got 'tables'" in complaint(
        {"client": "pg", "connection": SERVER, "pluginDivisionMode": "tables"}
    )
    assert "expected 'database', got 'schema'" in complaint(
        {"client": "sqlite3", "connection": ":memory:", "pluginDivisionMode": "schema"}
    )


@pytest.mark.parametrize(
    ("data", "database", "schema"),
    [
        ({}, True, True),
        ({"ensureExists": False}, False, False),
        ({"ensureExists": False, "ensureSchemaExists": True}, False, True),
        ({"ensureSchemaExists": False}, True, True),
        (
            {"ensureSchemaExists": True, "plugin": {"catalog": {"ensureExists": False, "ensureSchemaExists": False}}},
            False,
            False,
        ),
        ({"ensureExists": False, "plugin": {"catalog": {"ensureSchemaExists": True}}}, False, True),
    ],
)
def test_what_is_created(data: dict[str, Any], database: bool, schema: bool) -> None:
    """S16, S17: databases are created by default, schemas when ensureSchemaExists or ensureExists says so."""
    settings = postgres(pluginDivisionMode="schema", **data)

    assert (settings.ensure_database, settings.ensure_schema) == (database, schema)


def test_connections_carry_the_plugins_name() -> None:
    """S18: application_name is the plugin's unless it is given, and a pool has no minimum by default.

    deviation: the name starts with understage_plugin_, like the databases.
    """
    assert dict(postgres().server_settings) == {"application_name": "understage_plugin_catalog"}
    named = postgres(connection={**SERVER, "application_name": "mine", "statement_timeout": 500})
    assert dict(named.server_settings) == {"application_name": "mine", "statement_timeout": "500"}
    assert postgres().limits.minimum == 0
    assert postgres(connection={**SERVER, "connectionTimeoutMillis": 250}).connect_seconds == 0.25


def test_connection_types() -> None:
    """S19: cloudsql and unknown types are a start-up error that names the key, and says what to do instead.

    deviation: instead of connecting to Cloud SQL itself, the backend leaves that to Google's own proxy.
    """
    message = complaint({"client": "pg", "connection": {"type": "cloudsql", "instance": "a:b:c"}})
    assert message.startswith("app-config.yaml: backend.database.connection.type: connection type 'cloudsql' is not ")
    assert "run Google's Cloud SQL Auth Proxy" in message
    message = complaint({"client": "pg", "connection": {"type": "x"}})
    assert "unknown connection type 'x'; expected 'default', 'rds' or 'azure'" in message
    assert postgres(connection={**SERVER, "type": "default"}).login is None


def test_rds(monkeypatch: pytest.MonkeyPatch) -> None:
    """S19: `rds` needs host, port, user and a region; connections are encrypted, since a token is sent."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    rds = {"type": "rds", "host": "db.example", "port": 5432, "user": "me"}
    settings = postgres(connection=rds)
    assert settings.login == RdsLogin("eu-west-1")
    assert settings.ssl_options == (("sslmode", "require"),)
    settings = postgres(connection={**rds, "region": "us-west-2", "ssl": {"ca": "CA"}})
    assert (settings.login, settings.ssl_options) == (RdsLogin("us-west-2"), ())
    assert settings.connection_key() != postgres(connection={**rds, "ssl": {"ca": "CA"}}).connection_key()
    for name in ("host", "port", "user"):
        some = {key: value for key, value in rds.items() if key != name}
        assert f"'{name}' is missing" in complaint({"client": "pg", "connection": some})
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    message = complaint({"client": "pg", "connection": rds})
    assert message.startswith("app-config.yaml: backend.database.connection.region: ")


def test_azure() -> None:
    """S19: `azure` takes an application, or a managed identity, by default the one that the system has assigned."""
    azure = {"type": "azure", "host": "db.example", "user": "me"}
    assert postgres(connection=azure).login == EntraLogin()
    assert postgres(connection=azure).ssl_options == (("sslmode", "require"),)
    application = {"tenantId": "t", "clientId": "c", "clientSecret": "s"}
    settings = postgres(connection={**azure, "tokenCredential": application})
    assert settings.login == EntraLogin("t", "c", "s")
    assert "'s'" not in repr(settings)
    assert postgres(connection={**azure, "tokenCredential": {"clientId": "m"}}).login == EntraLogin(client_id="m")
    for wrong in ({"tenantId": "t"}, {"clientId": "c", "clientSecret": "s"}, {"tenantId": "t", "clientSecret": "s"}):
        message = complaint({"client": "pg", "connection": {**azure, "tokenCredential": wrong}})
        assert message.startswith("app-config.yaml: backend.database.connection.tokenCredential: expected clientId, ")


def test_encryption() -> None:
    """ssl is a boolean, or an object with PEM texts; without it, TLS is used if the server offers it."""
    assert postgres().tls is None
    assert postgres(connection={**SERVER, "ssl": False}).tls is False
    assert postgres(connection={**SERVER, "ssl": True}).tls == TlsSettings()
    assert postgres(
        connection={**SERVER, "ssl": {"ca": "CA", "cert": "C", "key": "K", "rejectUnauthorized": False}}
    ).tls == TlsSettings("CA", "C", "K", verify=False)
    assert "expected a boolean, or an object" in complaint({"client": "pg", "connection": {**SERVER, "ssl": "yes"}})


def test_secrets_are_not_part_of_any_text() -> None:
    """Settings, which may end up in a log or a traceback, show neither password nor private key."""
    settings = postgres(connection={**SERVER, "ssl": {"key": "PRIVATE"}})

    assert "s3cret" not in f"{settings!r}{settings.title()}"
    assert "PRIVATE" not in repr(settings)


def test_sqlite_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """S20: a directory, relative to the working one, gets a file for each plugin, which may name its own file."""
    monkeypatch.chdir(tmp_path)
    assert sqlite(connection=":memory:").path is None
    assert sqlite(connection={"filename": ":memory:"}).path is None
    assert sqlite(connection={"directory": "data"}).path == tmp_path / "data" / "catalog.sqlite"
    assert sqlite(connection={"directory": "/srv/db"}).path == Path("/srv/db/catalog.sqlite")
    own = {"catalog": {"connection": {"filename": "mine.db"}}}
    assert sqlite(connection={"directory": "data"}, plugin=own).path == tmp_path / "data" / "mine.db"
    assert sqlite(connection=":memory:", plugin=own).path == tmp_path / "mine.db"
    assert sqlite(connection=":memory:", plugin={"catalog": {"connection": "mine.db"}}).path == tmp_path / "mine.db"
    assert sqlite(connection={"directory": "data"}, plugin={"catalog": {"connection": ":memory:"}}).path is None


def test_one_file_for_all_plugins_is_refused() -> None:
    """S20: a base filename other than :memory: would mix the plugins' tables, and no place at all loses data."""
    for connection in ("all.db", {"filename": "all.db"}):
        message = complaint({"client": "better-sqlite3", "connection": connection})
        assert "'all.db' would be the file of all plugins; set connection.directory" in message
    assert "plugin 'catalog' has no place for its SQLite database" in complaint({"client": "better-sqlite3"})


def test_keys_without_effect_are_warned_about() -> None:
    """S12: of knexConfig only pool.min and pool.max are understood; every other key is named in a warning.

    deviation: there is no knex here, so its other settings have nothing to apply to.
    """
    knex = {"debug": True, "pool": {"min": 1, "max": 5, "idleTimeoutMillis": 1000}}
    connection = {**SERVER, "keepAlive": True, "ssl": {"ciphers": "x"}}
    settings, warnings = read({"client": "pg", "connection": connection, "knexConfig": knex})

    assert settings.limits == PoolLimits(1, 5)
    assert sorted(warning.split(":")[1].split(" is ignored")[0].strip() for warning in warnings) == [
        "backend.database.connection.keepAlive",
        "backend.database.connection.ssl.ciphers",
        "backend.database.knexConfig.debug",
        "backend.database.knexConfig.pool.idleTimeoutMillis",
    ]


@pytest.mark.parametrize("pool", [{"min": 5, "max": 2}, {"max": 0}, {"min": -1}])
def test_impossible_pools_are_refused(pool: dict[str, int]) -> None:
    """S12: a pool whose limits contradict each other is an error that names the key."""
    data = {"client": "pg", "connection": SERVER, "knexConfig": {"pool": pool}}

    assert "backend.database.knexConfig.pool: expected 0 <= min <= max and max >= 1" in complaint(data)


def test_null_sections_of_a_node_configuration_are_absent() -> None:
    """A null anywhere reads as if the key were missing."""
    settings = postgres(plugin={"catalog": None}, knexConfig=None, prefix=None, role=None, skipMigrations=None)

    assert settings == postgres()
