"""Reads the settings of a SQLite database."""

from __future__ import annotations

from pathlib import Path

from understage.config import ConfigError
from understage.defaults.database.pool import PoolLimits
from understage.defaults.database.sections import DatabaseSections
from understage.defaults.database.settings import SqliteSettings

MEMORY = ":memory:"
_KEYS = frozenset({"filename", "directory", "connectionString"})


def read_sqlite(sections: DatabaseSections, *, limits: PoolLimits, skip_migrations: bool) -> SqliteSettings:
    """Returns the settings of a plugin's SQLite database.

    Raises:
        ConfigError: the configuration would give several plugins one file, or names no place at all.
    """
    _check_division(sections)
    return SqliteSettings(
        plugin_id=sections.plugin_id,
        source=sections.source(),
        path=_path(sections),
        limits=limits,
        skip_migrations=skip_migrations,
    )


def _check_division(sections: DatabaseSections) -> None:
    mode = sections.text("pluginDivisionMode")
    if mode not in (None, "database"):
        message = f"expected 'database', got '{mode}': with SQLite each plugin has a database of its own"
        key = sections.key_of("pluginDivisionMode")
        raise ConfigError(message, key=key, location=sections.location("pluginDivisionMode"))


def _path(sections: DatabaseSections) -> Path | None:
    directory: str | None = None
    filename: str | None = None
    for layer in sections.connections():
        sections.warn_unknown(layer.config, _KEYS, layer.key, "SQLite knows filename and directory")
        name = layer.config.get_optional_string("filename")
        if name is not None and name != MEMORY and not layer.own:
            raise ConfigError(
                f"'{name}' would be the file of all plugins; set connection.directory, in which each plugin gets a "
                f"file of its own, or connection: '{MEMORY}'",
                key=f"{layer.key}.filename",
                location=layer.config.location_of("filename"),
            )
        folder = layer.config.get_optional_string("directory")
        if filename is None and directory is None and name == MEMORY:
            return None
        filename = filename or (name if layer.own else None)
        directory = directory or folder
    if filename is None and directory is None:
        raise ConfigError(
            f"plugin '{sections.plugin_id}' has no place for its SQLite database; set connection.directory, or "
            f"connection: '{MEMORY}' to lose all data at each stop",
            key=sections.key_of("connection"),
            location=sections.location("connection"),
        )
    return Path.cwd() / (directory or "") / (filename or f"{sections.plugin_id}.sqlite")
