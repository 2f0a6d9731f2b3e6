"""Reads `backend.database` for one plugin: the base settings, and what the plugin's own section overrides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from understage.config import Config, ConfigError
from understage.defaults.database.pool import PoolLimits
from understage.defaults.database.postgres.config import read_postgres
from understage.defaults.database.sections import DatabaseSections, open_sections
from understage.defaults.database.settings import POSTGRES_LIMITS, SQLITE_LIMITS, DatabaseSettings
from understage.defaults.database.sqlite.config import read_sqlite

POSTGRES_CLIENTS = ("pg",)
SQLITE_CLIENTS = ("better-sqlite3", "sqlite3")


def read_settings(config: Config, plugin_id: str) -> tuple[DatabaseSettings, Sequence[str]]:
    """Returns the settings of a plugin's database, and warnings about keys that have no effect.

    Args:
        config: the whole configuration.
        plugin_id: whose database.

    Raises:
        ConfigError: something is missing, wrong or not supported.
    """
    sections = open_sections(config, plugin_id)
    client = sections.client
    skip = sections.boolean("skipMigrations", default=False)
    if client in SQLITE_CLIENTS:
        limits = read_limits(sections, SQLITE_LIMITS)
        settings: DatabaseSettings = read_sqlite(sections, limits=limits, skip_migrations=skip)
    elif client in POSTGRES_CLIENTS:
        limits = read_limits(sections, POSTGRES_LIMITS)
        settings = read_postgres(sections, limits=limits, skip_migrations=skip)
    else:
        _unknown_client(sections)
    return settings, sections.warnings


def read_limits(sections: DatabaseSections, default: PoolLimits) -> PoolLimits:
    """Returns the size of the pool from `knexConfig.pool`, of which `min` and `max` are understood."""
    for section, key in sections.of("knexConfig"):
        sections.warn_unknown(section, {"pool"}, key, "only knexConfig.pool.min and knexConfig.pool.max have an effect")
        pool = section.get_optional_config("pool")
        if pool is not None:
            sections.warn_unknown(pool, {"min", "max"}, f"{key}.pool", "only min and max have an effect")
    minimum = sections.number("knexConfig.pool.min", default.minimum)
    maximum = sections.number("knexConfig.pool.max", max(default.maximum, minimum))
    if not (0 <= minimum <= maximum and maximum >= 1):
        message = f"expected 0 <= min <= max and max >= 1, got min {minimum} and max {maximum}"
        raise ConfigError(
            message, key="backend.database.knexConfig.pool", location=sections.location("knexConfig.pool")
        )
    return PoolLimits(minimum, maximum, default.acquire_seconds)


def _unknown_client(sections: DatabaseSections) -> NoReturn:
    supported = ", ".join((*POSTGRES_CLIENTS, *SQLITE_CLIENTS))
    client = f"database client '{sections.client}' of plugin '{sections.plugin_id}'"
    message = f"{client} is not supported; supported are {supported}"
    raise ConfigError(message, key=sections.key_of("client"), location=sections.location("client"))
