import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
from understage.testing.databases import TestDatabases, postgres_url

ManagerMaker = Callable[[dict[str, Any]], DatabaseManager]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def make_manager() -> AsyncIterator[ManagerMaker]:
    """Makes managers from what stands under `backend.database`, and closes them."""
    managers: list[DatabaseManager] = []

    def make(data: dict[str, Any]) -> DatabaseManager:
        manager = DatabaseManager(config_from_data({"backend": {"database": data}}, name="app-config.yaml"))
        managers.append(manager)
        return manager

    yield make
    for manager in managers:
        await manager.close()


@pytest.fixture
async def postgres(test_databases: TestDatabases) -> str:
    """The URL of a server; tests that need one do not run where there is none."""
    if not test_databases.supports("POSTGRES"):
        pytest.skip(f"no Postgres answers at {postgres_url().rpartition('@')[2]}")
    return postgres_url()


@pytest.fixture
def migration_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes an importable package with a folder of migrations and returns the folder."""

    def make(name: str, **files: str) -> Path:
        monkeypatch.delitem(sys.modules, name, raising=False)
        folder = tmp_path / name / "migrations"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("")
        for file, text in files.items():
            (folder / f"{file.replace('__', '.')}.sql").write_text(text)
        return folder

    monkeypatch.syspath_prepend(tmp_path)
    return make
