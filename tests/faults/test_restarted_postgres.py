"""Postgres itself stops for a while and comes back."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from tests.faults.asking import all_well, asking
from tests.faults.conftest import Installation, assert_all_components, component_count, wait_for_components
from tests.support.postgres_server import PostgresServer, databases_on, own_postgres
from tests.support.processes import BackendProcess

ENTITIES = 300
MANY = 5000
AWAY_SECONDS = 1.5
# Nobody is kept waiting for a server that is away; the rest is what a busy machine takes.
LONGEST_ANSWER_SECONDS = 12


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A Postgres of our own."""
    with own_postgres() as running:
        yield running


@pytest.fixture
def installation(install: Callable[[str], Installation], server: PostgresServer) -> Installation:
    """An installation on that Postgres."""
    return install(databases_on(server).config)


def restart(server: PostgresServer, *, immediate: bool) -> None:
    server.stop(immediate=immediate)
    time.sleep(AWAY_SECONDS)
    server.start()


async def test_requests_fail_cleanly_and_recover(
    installation: Installation, server: PostgresServer, client: httpx2.Client
) -> None:
    """While Postgres is restarted twice, once as by a power failure, each request is answered soon, by 200 or a 503
    without a trace of the source; the process lives on, and afterwards all is as before."""
    installation.generate(ENTITIES, 1)
    with installation.running() as backend:
        wait_for_components(client, backend, ENTITIES)
        async with httpx2.AsyncClient(base_url=backend.url, headers=client.headers, timeout=30) as own:
            async with asking(own) as answers:
                for immediate in (False, True):
                    await asyncio.to_thread(restart, server, immediate=immediate)
                    await asyncio.sleep(1)
            assert answers.wrong == []
            assert answers.statuses[503] > 0, "no request noticed; the test says nothing"
            assert answers.statuses[200] > 50, answers.statuses
            assert answers.slowest < LONGEST_ANSWER_SECONDS, answers
            await all_well(own)
        assert backend.process.poll() is None
        # The catalog goes on processing and listening: what is new arrives without a restart.
        installation.generate(ENTITIES + 50, 1)
        await asyncio.to_thread(wait_for_components, client, backend, ENTITIES + 50)
    assert backend.process.returncode == 0
    assert not [line for line in backend.log.read_text().splitlines() if line.startswith("Traceback")]


@pytest.mark.parametrize("immediate", [False, True], ids=["stopped", "broken off"])
def test_an_ingest_catches_up(
    installation: Installation, server: PostgresServer, client: httpx2.Client, immediate: bool
) -> None:
    """K474, K500: Postgres restarts while thousands of entities are read: the same process completes the catalog, with
    each entity once."""
    installation.generate(MANY, 6)
    with installation.running() as backend:
        wait_for_components(client, backend, 200)
        restart(server, immediate=immediate)
        assert count_when_it_answers(client, backend) < MANY, "all was there already; the test says nothing"
        wait_for_components(client, backend, MANY)
        assert_all_components(client, backend, MANY)
        assert backend.process.poll() is None
    assert backend.process.returncode == 0


def count_when_it_answers(client: httpx2.Client, backend: BackendProcess, seconds: float = 15) -> int:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return component_count(client, backend)
        except AssertionError:
            assert time.monotonic() < deadline, backend.log.read_text()[-5000:]
            time.sleep(0.05)
