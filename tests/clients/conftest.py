"""The example backend as a process of its own, and node with the official clients."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples/backend"
STATIC_TOKEN = "client-tests-static-token"
START_SECONDS = 30

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

    def guest_token(self) -> str:
        """Signs a guest in, as the frontend does."""
        session = httpx2.get(f"{self.url}/api/auth/guest/refresh", headers={"X-Requested-With": "XMLHttpRequest"})
        assert session.status_code == 200, session.text
        token: str = session.json()["backstageIdentity"]["token"]
        return token


@pytest.fixture(scope="session")
def node() -> str:
    """Node's program, with the clients installed beside these tests."""
    program = shutil.which("node")
    if program is None:
        return not_run("node is missing: install Node 20 or newer")
    if not (HERE / "node_modules/@backstage/catalog-client").is_dir():
        return not_run("the official clients are not installed: run `make test`, or `npm ci` in tests/clients")
    return program


def not_run(reason: str) -> str:
    """Leaves the tests out on a developer's machine, and fails them in CI."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def example_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    """The example backend on a free port, ready and with its entities read."""
    directory = tmp_path_factory.mktemp("example-backend")
    port = free_port()
    overrides = directory / "app-config.overrides.yaml"
    overrides.write_text(OVERRIDES.format(port=port, token=STATIC_TOKEN))
    log = directory / "log.txt"
    command = [sys.executable, "main.py", "--config", "app-config.yaml", "--config", str(overrides)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=EXAMPLE, stdout=output, stderr=subprocess.STDOUT)
    backend = RunningBackend(f"http://localhost:{port}", STATIC_TOKEN)
    try:
        wait_until_filled(backend, process, log)
        yield backend
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the example backend did not stop within 20 s:\n{log.read_text()}")
    assert code == 0, f"the example backend ended with {code}:\n{log.read_text()}"


def wait_until_filled(backend: RunningBackend, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Waits until the backend is ready and the number of its entities stays the same."""
    deadline = time.monotonic() + START_SECONDS
    seen = 0
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the example backend ended with {process.returncode}:\n{log.read_text()}")
        count = entity_count(backend)
        if count and count == seen:
            return
        seen = count
        time.sleep(0.25)
    pytest.fail(f"the example backend had no entities within {START_SECONDS} s:\n{log.read_text()}")


def entity_count(backend: RunningBackend) -> int:
    """Returns how many entities the catalog holds; 0 while it does not answer."""
    try:
        if httpx2.get(f"{backend.url}/.backstage/health/v1/readiness").status_code != 200:
            return 0
        headers = {"Authorization": f"Bearer {backend.static_token}"}
        answer = httpx2.get(f"{backend.url}/api/catalog/entities/by-query?limit=0", headers=headers)
    except httpx2.TransportError:
        return 0
    assert answer.status_code == 200, answer.text
    total: int = answer.json()["totalItems"]
    return total


def free_port() -> int:
    """Returns a port of the loopback interface that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
