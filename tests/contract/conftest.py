"""A backend with a catalog of some entities, whose description of itself is put to the test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from understage.testing import TestBackend, mock_services, start_test_backend

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


def catalog_of(folder: Path) -> list[Any]:
    """Returns the features of a catalog that reads entities from a folder."""
    (folder / "entities.yaml").write_text(ENTITIES)
    config = {"catalog": {"locations": [{"type": "file", "target": str(folder / "entities.yaml")}]}}
    return ["understage.catalog", mock_services.root_config.factory(data=config)]


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[TestBackend]:
    """Gives a running backend."""
    async with start_test_backend(features=catalog_of(tmp_path)) as backend:
        yield backend
