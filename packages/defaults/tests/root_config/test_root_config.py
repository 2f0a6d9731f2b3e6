import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from understage.config import Config, ConfigError, ConfigSchema, config_from_data
from understage.defaults.root_config import root_config_service_factory, root_config_watch_service_factory, schema_of
from understage.defaults.root_config.watch import ConfigWatch
from understage.defaults.root_lifecycle import DefaultRootLifecycle
from understage.defaults.root_logger import DefaultRootLogger, LogOutput

SCHEMA = ConfigSchema(
    {
        "acme": {
            "type": "object",
            "properties": {"acme": {"type": "object", "properties": {"port": {"type": "number"}}}},
        }
    }
)


async def load(folder: Path, **options: Any) -> Config:
    created = root_config_service_factory(**{"root_dir": folder, "argv": [], "schema": SCHEMA, **options}).factory()
    assert inspect.isawaitable(created)
    config = await created
    assert isinstance(config, Config)
    return config


def watch_of(config: Config, lines: list[bytes]) -> tuple[ConfigWatch, DefaultRootLifecycle]:
    logger = DefaultRootLogger(LogOutput(write=lines.append))
    lifecycle = DefaultRootLifecycle(logger)
    watch = root_config_watch_service_factory.factory(config=config, logger=logger, lifecycle=lifecycle)
    assert isinstance(watch, ConfigWatch)
    return watch, lifecycle


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BACKSTAGE_ENV", raising=False)
    (tmp_path / "app-config.yaml").write_text("acme:\n  port: 1\n")
    return tmp_path


async def test_the_default_files_are_loaded(folder: Path) -> None:
    """C1: without --config, app-config.yaml of the root directory is read, then app-config.local.yaml."""
    (folder / "app-config.local.yaml").write_text("acme:\n  host: x\n")
    config = await load(folder)
    assert config.get("acme") == {"port": 1, "host": "x"}


async def test_config_arguments_replace_the_default_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C1: with --config only the named files are read, by default those of the process's command line."""
    (folder / "other.yaml").write_text("acme:\n  port: 2\n")
    config = await load(folder, argv=["--config", str(folder / "other.yaml")])
    assert config.get_number("acme.port") == 2
    monkeypatch.setattr("sys.argv", ["main.py", f"--config={folder / 'other.yaml'}", "--verbose"])
    assert (await load(folder, argv=None)).get_number("acme.port") == 2


async def test_addresses_need_remote_loading(folder: Path) -> None:
    """C4: a URL is an error unless remote loading is enabled."""
    with pytest.raises(ConfigError, match=r"https://config\.example\.com/a\.yaml"):
        await load(folder, argv=["--config", "https://config.example.com/a.yaml"])


async def test_wrong_types_stop_the_start(folder: Path) -> None:
    """C53: a value that does not fit the schema fails the load, naming file, line and key."""
    (folder / "app-config.yaml").write_text("acme:\n  port: many\n")
    with pytest.raises(ConfigError, match=r"app-config\.yaml:2:\d+: acme\.port"):
        await load(folder)


async def test_what_looks_wrong_is_logged(folder: Path) -> None:
    """C53: a key that no schema knows is logged as a warning with file and line, and does not stop the start."""
    (folder / "app-config.yaml").write_text("acme:\n  porrt: 1\n")
    lines: list[bytes] = []
    watch_of(await load(folder), lines)
    assert len(lines) == 1
    assert b'"level":"warn"' in lines[0]
    assert b"app-config.yaml:2:" in lines[0]
    assert b"acme.porrt" in lines[0]


async def test_changes_apply_while_the_backend_runs(folder: Path) -> None:
    """C40: between start and stop a changed file is read again and subscribers are told; after the stop it is not."""
    config = await load(folder)
    watch, lifecycle = watch_of(config, [])
    assert watch.is_active
    changed = asyncio.Event()
    config.subscribe(changed.set)
    await lifecycle.startup()
    await asyncio.sleep(0.1)
    (folder / "app-config.yaml").write_text("acme:\n  port: 22\n")
    await asyncio.wait_for(changed.wait(), 10)
    assert config.get_number("acme.port") == 22
    await lifecycle.shutdown()
    changed.clear()
    (folder / "app-config.yaml").write_text("acme:\n  port: 333\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(changed.wait(), 0.4)


async def test_watching_can_be_left_out(folder: Path) -> None:
    """C40: with watch=False, and for a configuration that was not loaded from files, nothing is watched."""
    for config in (await load(folder, watch=False), config_from_data({})):
        watch, lifecycle = watch_of(config, [])
        assert not watch.is_active
        await lifecycle.startup()
        await lifecycle.shutdown()


async def test_the_schema_is_known_to_other_services(folder: Path) -> None:
    """C50: services get the schema that the configuration was validated against, else that of installed packages."""
    assert await schema_of(await load(folder)) is SCHEMA
    assert await schema_of(config_from_data({})) is await schema_of(config_from_data({}))
