"""Two processes of one backend on one Postgres."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
from tests.faults.conftest import Installation, assert_all_components, component_count, wait_for_components
from tests.support.postgres import PostgresDatabases
from tests.support.processes import BackendProcess

ENTITIES = 400
MANY = 5000


def guest_token(backend: BackendProcess) -> str:
    answer = httpx2.get(f"{backend.url}/api/auth/guest/refresh")
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["backstageIdentity"]["token"]
    return token


def key_ids(backend: BackendProcess) -> set[str]:
    keys = httpx2.get(f"{backend.url}/api/auth/.well-known/jwks.json").json()["keys"]
    return {key["kid"] for key in keys}


def read_with(token: str, backend: BackendProcess) -> int:
    url = f"{backend.url}/api/catalog/entities/by-query?limit=1"
    return httpx2.get(url, headers={"authorization": f"Bearer {token}"}).status_code


def test_two_replicas_start_at_once_on_an_empty_server(
    postgres: Installation, databases: PostgresDatabases, client: httpx2.Client
) -> None:
    """Both become ready, migrations run once, each accepts the other's user tokens, and the work is done once."""
    postgres.generate(ENTITIES, 2)
    assert asyncio.run(databases.names()) == []
    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        one, other = threads.map(stack.enter_context, [postgres.running(), postgres.running()])
        tokens = {backend.port: guest_token(backend) for backend in (one, other)}
        assert read_with(tokens[one.port], other) == 200
        assert read_with(tokens[other.port], one) == 200
        assert key_ids(one) == key_ids(other)
        assert len(key_ids(one)) == 2
        assert read_with(tokens[one.port] + "x", other) == 401
        for backend in (one, other):
            wait_for_components(client, backend, ENTITIES)
            assert "Traceback" not in backend.log.read_text()
    for plugin in ("auth", "catalog"):
        applied = asyncio.run(
            databases.fetch("SELECT package, number FROM understage_migrations ORDER BY package, number", plugin=plugin)
        )
        numbers = [(row["package"], row["number"]) for row in applied]
        assert numbers
        assert len(numbers) == len(set(numbers))
    rows = asyncio.run(
        databases.fetch("SELECT count(*), count(DISTINCT entity_ref) FROM final_entities", plugin="catalog")
    )
    assert rows[0][0] == rows[0][1]
    assert (one.process.returncode, other.process.returncode) == (0, 0)


def test_a_replica_outlives_the_other(postgres: Installation, client: httpx2.Client) -> None:
    """What a killed replica was reading is completed by the one that is left, and its tokens stay good."""
    postgres.generate(2000, 4)
    with postgres.running() as survivor:
        with postgres.running() as victim:
            token = guest_token(victim)
            wait_for_components(client, survivor, 1)
            victim.process.kill()
            victim.process.wait()
        wait_for_components(client, survivor, 2000)
        assert read_with(token, survivor) == 200


def test_one_of_three_is_killed_while_all_ingest(
    postgres: Installation, databases: PostgresDatabases, client: httpx2.Client
) -> None:
    """K405, K474, K500: of three replicas that read some thousand entities, one is killed, and the files change: the
    other two complete the catalog; no entity is missing, there twice or stale."""
    with postgres.running() as one, postgres.running() as other:
        with postgres.running() as victim:
            postgres.generate(MANY, 6)
            wait_for_components(client, one, 100)
            victim.process.kill()
            victim.process.wait()
        assert component_count(client, one) < MANY, "all was there already; the test says nothing"
        postgres.generate(MANY, 6, version=2)
        wait_for_components(client, other, MANY)
        wait_for_version(client, other, 2, MANY)
        for backend in (one, other):
            assert_all_components(client, backend, MANY)
            assert backend.process.poll() is None
    assert (one.process.returncode, other.process.returncode) == (0, 0)
    for table in ("refresh_state", "final_entities"):
        rows = asyncio.run(
            databases.fetch(f"SELECT count(*), count(DISTINCT entity_ref) FROM {table}", plugin="catalog")
        )
        assert rows[0][0] == rows[0][1] >= MANY


def wait_for_version(
    client: httpx2.Client, backend: BackendProcess, version: int, count: int, seconds: float = 60
) -> None:
    """Waits until all components are those of the files' last version."""
    deadline = time.monotonic() + seconds
    url = f"{backend.url}/api/catalog/entity-facets?facet=metadata.labels.version&filter=kind=component"
    while True:
        facets = client.get(url).json()["facets"]["metadata.labels.version"]
        if {facet["value"]: facet["count"] for facet in facets} == {str(version): count}:
            return
        assert time.monotonic() < deadline, f"still stale: {facets}\n{backend.log.read_text()[-3000:]}"
        time.sleep(0.1)
