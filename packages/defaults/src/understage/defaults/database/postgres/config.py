"""Reads the settings of a Postgres database."""

from __future__ import annotations

from understage.config import Config, ConfigError, ConfigTypeError
from understage.defaults.database.pool import PoolLimits
from understage.defaults.database.postgres.login_config import read_login
from understage.defaults.database.sections import DatabaseSections
from understage.defaults.database.settings import PostgresSettings, TlsSettings

DEFAULT_PREFIX = "understage_plugin_"
IDENTIFIER_BYTES = 63
_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
_SETTINGS = ("application_name", "options", *_TIMEOUTS)
_KEYS = frozenset(
    {
        *("type", "host", "port", "user", "password", "database", "ssl", "connectionString", "connectionTimeoutMillis"),
        *("sslOptions", "serverSettings", "region", "tokenCredential", *_SETTINGS),
    }
)


def read_postgres(sections: DatabaseSections, *, limits: PoolLimits, skip_migrations: bool) -> PostgresSettings:
    """Returns the settings of a plugin's Postgres database.

    Raises:
        ConfigError: something is wrong or not supported.
    """
    connection = _Connection(sections)
    by_schema = _by_schema(sections)
    login, tls = read_login(connection.layers), connection.tls()
    return PostgresSettings(
        plugin_id=sections.plugin_id,
        source=sections.source(),
        database=_database(sections, connection, by_schema=by_schema),
        host=connection.text("host"),
        port=connection.number("port"),
        user=connection.text("user"),
        password=connection.text("password"),
        tls=tls,
        # A token must not travel in the clear.
        ssl_options=connection.pairs("sslOptions") or ((("sslmode", "require"),) if login and tls is None else ()),
        login=login,
        schema=_identifier(sections, sections.text("schemaPrefix") or "", "schemaPrefix") if by_schema else None,
        role=sections.text("role"),
        server_settings=connection.server_settings(),
        connect_seconds=(connection.number("connectionTimeoutMillis") or 10_000) / 1000,
        ensure_database=sections.boolean("ensureExists", default=True),
        ensure_schema=by_schema and _ensure_schema(sections),
        limits=limits,
        server_connections=sections.number("maxConnections", 30),
        skip_migrations=skip_migrations,
    )


class _Connection:
    """The connection's fields, the plugin's own first."""

    def __init__(self, sections: DatabaseSections) -> None:
        self._sections = sections
        self.layers = sections.connections()
        for layer in self.layers:
            sections.warn_unknown(layer.config, _KEYS, layer.key, "it is not understood for client pg")

    def text(self, name: str, *, own_only: bool = False) -> str | None:
        for layer in self.layers:
            value = layer.config.get_optional_string(name) if layer.own or not own_only else None
            if value is not None:
                return value
        return None

    def number(self, name: str) -> int | None:
        for layer in self.layers:
            value = layer.config.get_optional_number(name)
            if value is not None:
                return int(value)
        return None

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        for layer in self.layers:
            section = layer.config.get_optional(name)
            if section is not None:
                return tuple((key, str(value)) for key, value in section.items())
        return ()

    def server_settings(self) -> tuple[tuple[str, str], ...]:
        settings = dict(self.pairs("serverSettings"))
        settings["application_name"] = f"{DEFAULT_PREFIX}{self._sections.plugin_id}"
        for name in _SETTINGS:
            for layer in self.layers:
                value = layer.config.get_optional(name)
                if value is not None:
                    settings[name] = str(value)
                    break
        return tuple(sorted(settings.items()))

    def tls(self) -> TlsSettings | bool | None:
        for layer in self.layers:
            value = layer.config.get_optional("ssl")
            if value is None:
                continue
            if isinstance(value, bool):
                return TlsSettings() if value else False
            if isinstance(value, dict):
                return _tls(layer.config.get_config("ssl"), self._sections, f"{layer.key}.ssl")
            message = "expected a boolean, or an object with ca, cert, key and rejectUnauthorized"
            raise ConfigTypeError(message, key=f"{layer.key}.ssl", location=layer.config.location_of("ssl"))
        return None


def _tls(section: Config, sections: DatabaseSections, key: str) -> TlsSettings:
    known = {"ca", "cert", "key", "rejectUnauthorized"}
    sections.warn_unknown(section, known, key, "only ca, cert, key and rejectUnauthorized are understood")
    verify = section.get_optional_boolean("rejectUnauthorized")
    return TlsSettings(
        ca=section.get_optional_string("ca"),
        cert=section.get_optional_string("cert"),
        key=section.get_optional_string("key"),
        verify=verify is not False,
    )


def _by_schema(sections: DatabaseSections) -> bool:
    mode = sections.text("pluginDivisionMode") or "database"
    if mode not in ("database", "schema"):
        key = sections.key_of("pluginDivisionMode")
        message = f"expected 'database' or 'schema', got '{mode}'"
        raise ConfigError(message, key=key, location=sections.location("pluginDivisionMode"))
    return mode == "schema"


def _database(sections: DatabaseSections, connection: _Connection, *, by_schema: bool) -> str | None:
    given = connection.text("database", own_only=not by_schema)
    if given is not None or by_schema:
        return given
    return _identifier(sections, sections.text("prefix") or DEFAULT_PREFIX, "prefix")


def _identifier(sections: DatabaseSections, prefix: str, key: str) -> str:
    name = f"{prefix}{sections.plugin_id}"
    if len(name.encode()) > IDENTIFIER_BYTES:
        message = (
            f"'{name}' has {len(name.encode())} bytes, and Postgres allows {IDENTIFIER_BYTES}; choose a shorter prefix"
        )
        raise ConfigError(message, key=f"backend.database.{key}", location=sections.location(key))
    return name


def _ensure_schema(sections: DatabaseSections) -> bool:
    ensure_database = sections.boolean("ensureExists", default=True)
    return sections.boolean("ensureSchemaExists", default=False) or ensure_database
