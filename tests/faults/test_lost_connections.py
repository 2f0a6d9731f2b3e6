"""Postgres drops all connections while requests pour in."""

import asyncio
from collections import Counter

import httpx2
from tests.faults.conftest import Installation, wait_for_components
from tests.support.postgres import PostgresDatabases

ENTITIES = 300
WORKERS = 8
DROPS = 8
PAUSE_SECONDS = 0.25
RECOVERY_SECONDS = 10
PATHS = (
    "/api/catalog/entities/by-query?limit=20",
    "/api/catalog/entity-facets?facet=spec.owner",
    "/api/catalog/entities/by-name/component/default/component-7",
    "/api/auth/.well-known/jwks.json",
)


async def ask(client: httpx2.AsyncClient, stop: asyncio.Event, statuses: Counter[int], wrong: list[str]) -> None:
    while not stop.is_set():
        for path in PATHS:
            answer = await client.get(path)
            statuses[answer.status_code] += 1
            if answer.status_code != 200 and (problem := what_is_wrong(answer)):
                wrong.append(f"{path}: {answer.status_code} {problem}: {answer.text[:500]}")


def what_is_wrong(answer: httpx2.Response) -> str | None:
    """Says what an error's answer should not be like; an outage of the database is a 503 that says so."""
    if answer.status_code != 503:
        return "not a 503"
    document = answer.json()
    if document["response"] != {"statusCode": 503} or document["error"]["name"] != "ServiceUnavailableError":
        return "no proper error document"
    if "stack" in document["error"] or "Traceback" in answer.text or ".py" in answer.text:
        return "tells of the source"
    return None


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
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    stop = asyncio.Event()
    with postgres.running() as backend:
        wait_for_components(client, backend, ENTITIES)
        async with httpx2.AsyncClient(base_url=backend.url, headers=client.headers, timeout=30) as own:
            workers = [asyncio.create_task(ask(own, stop, statuses, wrong)) for _ in range(WORKERS)]
            dropped = await drop_connections(databases)
            stop.set()
            await asyncio.gather(*workers)
            assert dropped >= DROPS
            assert wrong == []
            assert statuses[200] > 50, statuses
            await all_well(own)
        assert backend.process.poll() is None
        # The catalog goes on processing and listening: what is new arrives without a restart.
        postgres.generate(ENTITIES + 50, 1)
        await asyncio.to_thread(wait_for_components, client, backend, ENTITIES + 50)
    assert backend.process.returncode == 0


async def all_well(client: httpx2.AsyncClient) -> None:
    """Waits until three rounds of requests in a row are answered by 200."""
    rounds = 0
    async with asyncio.timeout(RECOVERY_SECONDS):
        while rounds < 3:
            answers = [await client.get(path) for path in PATHS]
            rounds = rounds + 1 if all(answer.status_code == 200 for answer in answers) else 0
