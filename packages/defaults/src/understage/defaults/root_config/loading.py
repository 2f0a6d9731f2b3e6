"""Loads the backend's configuration and remembers what it was loaded from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from weakref import WeakKeyDictionary

from understage.config import Config, ConfigSchema, LoadedConfig, LoadOptions, load_config


@dataclass(frozen=True, slots=True)
class LoadedRootConfig:
    """What is known about a configuration beyond its values.

    Attributes:
        loaded: its sources, and what looks wrong in them.
        schema: what it was validated against.
        watch: whether it is to be kept live.
    """

    loaded: LoadedConfig
    schema: ConfigSchema
    watch: bool


# Services get a plain `Config`; what it came from must neither keep it alive nor be forgotten before it.
_LOADED: WeakKeyDictionary[Config, LoadedRootConfig] = WeakKeyDictionary()


@cache
def installed_schema() -> ConfigSchema:
    """Returns the schema that the installed packages declare together; collected once per process.

    Raises:
        ConfigSchemaError: a package's schema cannot be loaded or contradicts another one.
    """
    return ConfigSchema.from_packages()


async def load_root_config(options: LoadOptions, *, watch: bool) -> Config:
    """Loads and validates the configuration.

    Args:
        options: what to load.
        watch: whether `ConfigWatch` is to keep it live.

    Raises:
        ConfigError: it cannot be loaded or is not valid.
    """
    schema = options.schema
    if schema is None:
        schema = await asyncio.to_thread(installed_schema)
    loaded = await load_config(replace(options, schema=schema))
    _LOADED[loaded.config] = LoadedRootConfig(loaded, schema, watch)
    return loaded.config


def loaded_root_config(config: Config) -> LoadedRootConfig | None:
    """Returns what is known about a configuration, or None if somebody else has made it."""
    return _LOADED.get(config)


async def schema_of(config: Config) -> ConfigSchema:
    """Returns the schema of a configuration: the one it was validated against, else that of the installed packages.

    Raises:
        ConfigSchemaError: an installed package's schema cannot be loaded or contradicts another one.
    """
    found = _LOADED.get(config)
    return found.schema if found is not None else await asyncio.to_thread(installed_schema)
