"""Postgres drops all connections while requests pour in."""

import asyncio

import httpx2
from tests.faults.asking import all_well, asking
from tests.faults.conftest import Installation, wait_for_components
from tests.support.postgres import PostgresDatabases

ENTITIES = 300
DROPS = 8
PAUSE_SECONDS = 0.25


async def drop_connections(databases: PostgresDatabases) -> int:
    dropped = 0
    for _ in range(DROPS):
        await asyncio.sleep(PAUSE_SECONDS)
        dropped += await databases.drop_connections()
    return dropped


async def test_requests_fail_cleanly_and_recover(
    postgres: Installation, databases: PostgresDatabases, client: httpx2.Client
) -> None:
    """Each request is answered, by 200 or a 503 without a trace of the source; afterwards all are 200 again."""
    postgres.generate(ENTITIES, 1)
    with postgres.running() as backend:
        wait_for_components(client, backend, ENTITIES)
        async with httpx2.AsyncClient(base_url=backend.url, headers=client.headers, timeout=30) as own:
            async with asking(own) as answers:
                dropped = await drop_connections(databases)
            assert dropped >= DROPS
            assert answers.wrong == []
            assert answers.statuses[200] > 50, answers.statuses
            await all_well(own)
        assert backend.process.poll() is None
        # The catalog goes on processing and listening: what is new arrives without a restart.
        postgres.generate(ENTITIES + 50, 1)
        await asyncio.to_thread(wait_for_components, client, backend, ENTITIES + 50)
    assert backend.process.returncode == 0
