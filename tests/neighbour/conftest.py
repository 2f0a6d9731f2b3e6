"""Fixtures of the tests with two backends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.neighbour.installation import Installation, running_installation
from tests.support.npm import node_with

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node() -> str:
    return node_with("@backstage/backend-defaults", HERE)


@pytest.fixture(scope="session", params=["node", "python"], ids=["auth in Node", "auth in Python"])
def installation(
    request: pytest.FixtureRequest, node: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Both backends, with the auth plugin once here and once there."""
    with running_installation(request.param, node, tmp_path_factory.mktemp("neighbours")) as running:
        yield running
