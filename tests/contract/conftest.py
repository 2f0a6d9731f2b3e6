"""A backend with a catalog of some entities, whose description of itself is put to the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from understage.plugin_api import DatabaseService, core_services, create_service_factory
from understage.testing import TestBackend, TestDatabases, mock_services, start_test_backend
from understage.testing.databases import DATABASE_IDS

ENTITIES = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  annotations: {example.com/key: value}
  labels: {tier: "1"}
  tags: [java]
  links: [{url: https://example.com, title: Home}]
spec: {type: service, lifecycle: production, owner: team, providesApis: [orders]}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders}
spec: {type: openapi, lifecycle: production, owner: team, definition: none}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: site}
spec: {type: website, lifecycle: experimental, owner: team, dependsOn: ["component:shop"]}
"""


@asynccontextmanager
async def running_catalog(folder: Path, database_id: str, *, listen: bool = False) -> AsyncIterator[TestBackend]:
    """Runs a backend with a catalog over a folder and on a kind of database, until the block ends."""
    databases = TestDatabases.create()
    if not databases.supports(database_id):
        pytest.skip(f"no {database_id} here")
    database = await databases.init(database_id)

    @create_service_factory(service=core_services.database)
    async def database_factory() -> DatabaseService:
        return database

    (folder / "entities.yaml").write_text(ENTITIES)
    config = {"catalog": {"locations": [{"type": "file", "target": str(folder / "entities.yaml")}]}}
    features = ["understage.catalog", database_factory, mock_services.root_config.factory(data=config)]
    async with start_test_backend(features=features, listen=listen) as backend:
        yield backend
    await databases.close()


@pytest.fixture(params=DATABASE_IDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestBackend]:
    """Gives a running backend on each kind of database."""
    async with running_catalog(tmp_path, request.param) as backend:
        yield backend
