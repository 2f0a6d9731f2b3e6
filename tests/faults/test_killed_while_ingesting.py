"""A backend that is killed while it reads entities loses none of them."""

import os
import signal

import httpx2
import pytest
from tests.faults.conftest import Installation, assert_all_components, component_count, wait_for_components

ENTITIES = 3000
FILES = 6


def kill(installation: Installation, client: httpx2.Client, at_components: int) -> int:
    """Starts the backend, kills it once it serves so many components, and returns how many it served last."""
    with installation.running() as backend:
        wait_for_components(client, backend, at_components)
        count = component_count(client, backend)
        os.kill(backend.process.pid, signal.SIGKILL)
        assert backend.process.wait() == -signal.SIGKILL
    return count


def assert_nothing_is_lost(installation: Installation, client: httpx2.Client) -> None:
    installation.generate(ENTITIES, FILES)
    before = [kill(installation, client, at_components) for at_components in (0, 1, ENTITIES // 3)]
    assert before[0] < ENTITIES
    assert before[1] < ENTITIES
    with installation.running() as backend:
        wait_for_components(client, backend, ENTITIES)
        assert_all_components(client, backend, ENTITIES)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_all_entities_arrive_and_none_twice(
    database: str, request: pytest.FixtureRequest, client: httpx2.Client
) -> None:
    """After three kills in the midst of reading some thousand entities, a fourth process completes the catalog."""
    installation: Installation = request.getfixturevalue(database)
    assert_nothing_is_lost(installation, client)
