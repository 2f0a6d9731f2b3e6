"""The example backend as a process of its own, and node with the official clients."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.npm import node_with
from tests.support.processes import free_port, running_backend

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples/backend"
STATIC_TOKEN = "client-tests-static-token"
FILL_SECONDS = 30

OVERRIDES = """
app:
  baseUrl: http://localhost:{port}
backend:
  baseUrl: http://localhost:{port}
  listen:
    host: 127.0.0.1
    port: {port}
  database:
    client: better-sqlite3
    connection: ':memory:'
  auth:
    externalAccess:
      - type: static
        options:
          token: {token}
          subject: client-tests
auth:
  providers:
    guest:
      dangerouslyAllowOutsideDevelopment: true
"""


@dataclass(frozen=True)
class RunningBackend:
    """A backend that answers.

    Attributes:
        url: its address.
        static_token: a token of an external service that it accepts.
    """

    url: str
    static_token: str

    def guest_identity(self) -> dict[str, Any]:
        """Signs a guest in, as the frontend does, and returns the token with whom it stands for."""
        headers = {"X-Requested-With": "XMLHttpRequest"}
        session = httpx2.get(f"{self.url}/api/auth/guest/refresh", headers=headers, timeout=FILL_SECONDS)
        assert session.status_code == 200, session.text
        identity: dict[str, Any] = session.json()["backstageIdentity"]
        return identity


@pytest.fixture(scope="session")
def node() -> str:
    """Node's program, with the clients installed beside these tests."""
    return node_with("@backstage/catalog-client", HERE)


@pytest.fixture(scope="session")
def example_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    """The example backend on a free port, ready and with its entities read."""
    with filled_backend(tmp_path_factory.mktemp("example-backend")) as backend:
        yield backend


@contextmanager
def filled_backend(directory: Path, more: str = "") -> Iterator[RunningBackend]:
    """Runs the example backend, perhaps with more configuration, until the block ends."""
    port = free_port()
    overrides = directory / "app-config.overrides.yaml"
    overrides.write_text(OVERRIDES.format(port=port, token=STATIC_TOKEN))
    (directory / "app-config.more.yaml").write_text(more or "{}")
    arguments = ["main.py", "--config", "app-config.yaml", "--config", str(overrides)]
    arguments += ["--config", str(directory / "app-config.more.yaml")]
    log = directory / "backend.log"
    with running_backend(arguments, folder=EXAMPLE, port=port, log=log, environment={}) as process:
        backend = RunningBackend(process.url, STATIC_TOKEN)
        wait_until_filled(backend, log)
        yield backend
    assert process.process.returncode == 0, f"the example backend failed to stop:\n{log.read_text()}"


def wait_until_filled(backend: RunningBackend, log: Path) -> None:
    """Waits until the catalog holds entities and their number stays the same."""
    deadline = time.monotonic() + FILL_SECONDS
    seen = 0
    while (count := entity_count(backend)) == 0 or count != seen:
        assert time.monotonic() < deadline, f"the catalog holds {count} entities and is not done:\n{log.read_text()}"
        seen = count
        time.sleep(0.25)


def entity_count(backend: RunningBackend) -> int:
    """Returns how many entities the catalog holds."""
    headers = {"Authorization": f"Bearer {backend.static_token}"}
    answer = httpx2.get(f"{backend.url}/api/catalog/entities/by-query?limit=0", headers=headers, timeout=FILL_SECONDS)
    assert answer.status_code == 200, answer.text
    total: int = answer.json()["totalItems"]
    return total
