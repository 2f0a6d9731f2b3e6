from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from understage.config import ConfigError, config_from_data
from understage.defaults.database import database_service_factory
from understage.defaults.database.manager import DatabaseManager
from understage.errors import ServiceUnavailableError
from understage.plugin_api import core_services
from understage.testing import MockHttpClient


class Lifecycle:
    """Keeps the hooks."""

    def __init__(self) -> None:
        self.hooks: list[Callable[[], Awaitable[None]]] = []

    def add_shutdown_hook(self, hook: Callable[[], Awaitable[None]]) -> None:
        self.hooks.append(hook)


class Logger:
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, dict[str, object]]] = []

    def warning(self, message: str, /, **metadata: object) -> None:
        self.warnings.append((message, metadata))


class Plugin:
    """A plugin's metadata."""

    def __init__(self, plugin_id: str) -> None:
        self.id = plugin_id


def build(data: dict[str, Any], **options: Any) -> tuple[Callable[[str], Any], Lifecycle, Logger]:
    factory = database_service_factory(**options)
    lifecycle, logger = Lifecycle(), Logger()
    assert factory.create_root_context is not None
    config = config_from_data({"backend": {"database": data}})
    manager = factory.create_root_context(config, lifecycle, logger, MockHttpClient())
    assert isinstance(manager, DatabaseManager)
    return lambda plugin_id: factory.factory(config, Plugin(plugin_id), manager), lifecycle, logger


MEMORY = {"client": "better-sqlite3", "connection": ":memory:"}


def test_what_the_factory_depends_on() -> None:
    """The service is plugin-scoped, and what all plugins share depends on root services alone."""
    factory = database_service_factory()
    dependencies = factory.dependencies()

    assert factory.service is core_services.database
    assert dependencies.factory == {"config": core_services.root_config, "plugin": core_services.plugin_metadata}
    assert dependencies.root_context == {
        "config": core_services.root_config,
        "lifecycle": core_services.root_lifecycle,
        "logger": core_services.root_logger,
        "http_client": core_services.root_http_client,
    }


async def test_databases_close_when_the_backend_stops() -> None:
    """Each plugin gets its own database, the same each time; the backend's shutdown closes them all."""
    get, lifecycle, logger = build(MEMORY)
    one = get("one")
    assert get("one") is one
    assert get("two") is not one
    await one.execute("CREATE TABLE t (n INTEGER)")
    [hook] = lifecycle.hooks
    await hook()
    with pytest.raises(ServiceUnavailableError, match="the backend stops"):
        await one.fetch("SELECT 1")
    assert logger.warnings == []


def test_the_option_beats_the_configuration() -> None:
    """S13: skip_migrations of the factory beats the plugin's key, which beats the base key."""
    data = {**MEMORY, "skipMigrations": True, "plugin": {"own": {"skipMigrations": False}}}
    get, _, _ = build(data)
    assert (get("own").migrations.skip, get("other").migrations.skip) == (False, True)
    for option in (True, False):
        get, _, _ = build(data, skip_migrations=option)
        assert (get("own").migrations.skip, get("other").migrations.skip) == (option, option)


def test_a_wrong_configuration_is_the_plugins_failure() -> None:
    """S11: what is wrong for one plugin is raised when its service is created, and does not touch the others."""
    get, _, logger = build({**MEMORY, "plugin": {"bad": {"client": "mysql"}}, "knexConfig": {"debug": True}})

    with pytest.raises(ConfigError, match="'mysql' of plugin 'bad' is not supported"):
        get("bad")
    assert get("good").dialect == "sqlite"
    [(message, metadata)] = logger.warnings
    assert "backend.database.knexConfig.debug is ignored" in message
    assert metadata == {"plugin": "good"}
