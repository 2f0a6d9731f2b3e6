"""A whole backend whose processes come and go: auth, guests, catalog, and a plugin that answers slowly."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.support.postgres import PostgresDatabases, postgres_databases
from tests.support.processes import BackendProcess, free_port, running_backend

STATIC_TOKEN = "fault-tests-static-token"
MAIN = """\
from understage.defaults import create_backend

import slow

backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add("understage.catalog")
backend.add(slow)

if __name__ == "__main__":
    backend.run()
"""
SLOW = """\
import asyncio
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from understage.plugin_api import Cache, Database, HttpRouter, PluginRegistrationPoints, create_backend_plugin


@create_backend_plugin(plugin_id="slow")
def feature(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(http_router: HttpRouter, cache: Cache, database: Database) -> None:
        hits = 0

        async def answer(request: Request) -> PlainTextResponse:
            print("request under way", flush=True)
            await asyncio.sleep(float(request.query_params["seconds"]))
            await database.fetch("SELECT 1")
            return PlainTextResponse("done")

        async def cached(request: Request) -> PlainTextResponse:
            nonlocal hits
            if await cache.get("key") is not None:
                hits += 1
            else:
                await cache.set("key", "value")
            return PlainTextResponse("done")

        async def count_hits(request: Request) -> PlainTextResponse:
            return PlainTextResponse(str(hits))

        print("slow begins", flush=True)
        await asyncio.sleep(float(os.environ.get("SLOW_INIT_SECONDS", "0")))
        http_router.use(Starlette(routes=[Route("/", answer), Route("/cached", cached), Route("/hits", count_hits)]))
        http_router.add_auth_policy(path="/", allow="unauthenticated")
"""
CONFIG = """\
app:
  baseUrl: http://localhost:3000
backend:
  baseUrl: http://localhost:${{FAULTS_PORT}}
  listen: 127.0.0.1:${{FAULTS_PORT}}
  database: {database}
  auth:
    externalAccess:
      - type: static
        options: {{token: {token}, subject: fault-tests}}
auth:
  providers:
    guest: {{dangerouslyAllowOutsideDevelopment: true}}
catalog:
  processingInterval: {{seconds: 5}}
  locations:
    - {{type: file, target: ./entities/*.yaml}}
"""
ENTITY = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: component-{number}
  description: Generated, number {number}
  tags: [generated]
  labels: {{version: '{version}'}}
spec: {{type: service, lifecycle: production, owner: team-{team}, system: system-{team}}}
"""


@dataclass
class Installation:
    """A folder with a backend in it, of which any number of processes run.

    Attributes:
        folder: where main.py and app-config.yaml are.
    """

    folder: Path

    def generate(self, count: int, files: int, version: int = 1) -> None:
        """Writes entities, evenly into files; they carry the version as a label."""
        (self.folder / "entities").mkdir(exist_ok=True)
        for file in range(files):
            numbers = range(file, count, files)
            text = "---\n".join(ENTITY.format(number=number, team=number % 10, version=version) for number in numbers)
            (self.folder / f"entities/part-{file}.yaml").write_text(text)

    def environment(self, **extra: str) -> dict[str, str]:
        """Returns the environment of a process that is not started by `running`."""
        return {**os.environ, **extra}

    def running(self, **environment: str) -> AbstractContextManager[BackendProcess]:
        """Runs a process of the backend on a port of its own."""
        port = free_port()
        return running_backend(
            ["main.py"],
            folder=self.folder,
            port=port,
            log=self.folder / f"backend-{port}.log",
            environment={"FAULTS_PORT": str(port), "LOG_LEVEL": "info", **environment},
        )


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str], Installation]:
    """Makes an installation on a database, which is given as YAML."""

    def make(database: str) -> Installation:
        (tmp_path / "main.py").write_text(MAIN)
        (tmp_path / "slow.py").write_text(SLOW)
        (tmp_path / "app-config.yaml").write_text(CONFIG.format(database=database, token=STATIC_TOKEN))
        return Installation(tmp_path)

    return make


@pytest.fixture
def sqlite(install: Callable[[str], Installation]) -> Installation:
    """An installation on SQLite files."""
    return install("{client: better-sqlite3, connection: {directory: ./data}}")


@pytest.fixture
def databases() -> Iterator[PostgresDatabases]:
    """Databases on Postgres, dropped afterwards."""
    with postgres_databases() as made:
        yield made


@pytest.fixture
def postgres(install: Callable[[str], Installation], databases: PostgresDatabases) -> Installation:
    """An installation on Postgres."""
    return install(databases.config)


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """Asks as a service that has a static token."""
    with httpx2.Client(headers={"authorization": f"Bearer {STATIC_TOKEN}"}, timeout=30) as opened:
        yield opened


def component_count(client: httpx2.Client, backend: BackendProcess) -> int:
    """Returns how many components the catalog serves."""
    answer = client.get(f"{backend.url}/api/catalog/entities/by-query?filter=kind=component&limit=0")
    assert answer.status_code == 200, answer.text
    total: int = answer.json()["totalItems"]
    return total


def wait_for_components(client: httpx2.Client, backend: BackendProcess, count: int, seconds: float = 60) -> None:
    """Waits until the catalog serves at least so many components."""
    deadline = time.monotonic() + seconds
    while (present := component_count(client, backend)) < count:
        assert time.monotonic() < deadline, f"only {present} of {count} arrived:\n{backend.log.read_text()[-5000:]}"
        time.sleep(0.02)


def assert_all_components(client: httpx2.Client, backend: BackendProcess, count: int) -> None:
    """Checks that exactly the generated components are served, each once, and with what was generated last."""
    found = client.get(f"{backend.url}/api/catalog/entities?filter=kind=component&fields=metadata.name").json()
    names = [entity["metadata"]["name"] for entity in found]
    assert len(names) == count
    assert set(names) == {f"component-{number}" for number in range(count)}
    facets = client.get(f"{backend.url}/api/catalog/entity-facets?facet=spec.owner").json()["facets"]["spec.owner"]
    assert {facet["value"]: facet["count"] for facet in facets} == {f"team-{team}": count // 10 for team in range(10)}
