"""SIGTERM at inconvenient moments."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
from tests.faults.conftest import Installation
from tests.support.processes import BackendProcess, free_port

REQUESTS = 24


@contextmanager
def starting_backend(installation: Installation, seconds: float) -> Iterator[BackendProcess]:
    """Gives a backend that has begun to start, which takes it so many seconds."""
    port = free_port()
    log = installation.folder / "starting.log"
    environment = {"FAULTS_PORT": str(port), "SLOW_INIT_SECONDS": str(seconds)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "main.py"],
            cwd=installation.folder,
            env=installation.environment(**environment),
            stdout=output,
            stderr=output,
        )
    try:
        wait_for_text(log, "slow begins")
        yield BackendProcess(process, port, log)
    finally:
        process.kill()
        process.wait()


def wait_for_text(log: Path, text: str, times: int = 1, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while log.read_text().count(text) < times:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)


def test_running_requests_are_answered(sqlite: Installation, client: httpx2.Client) -> None:
    """H93, W112: requests that run when SIGTERM comes are all answered, database and all, and the exit code is 0."""
    with sqlite.running() as backend, ThreadPoolExecutor(REQUESTS) as threads:

        def ask(number: int) -> str:
            return httpx2.get(f"{backend.url}/api/slow/?seconds={2 + number / REQUESTS}", timeout=20).text

        answers = threads.map(ask, range(REQUESTS))
        wait_for_text(backend.log, "request under way", REQUESTS)
        backend.process.send_signal(signal.SIGTERM)
        assert list(answers) == ["done"] * REQUESTS
        assert backend.process.wait(10) == 0
    assert "Traceback" not in backend.log.read_text()


def test_reads_under_load_are_answered(sqlite: Installation, client: httpx2.Client) -> None:
    """H60, H93, W112: while requests pour in, each is answered by 200, then 503, until connections are refused."""
    sqlite.generate(200, 1)
    statuses: list[int] = []
    cut: list[httpx2.HTTPError] = []

    def ask_until_refused() -> None:
        with httpx2.Client(base_url=backend.url, headers=client.headers, timeout=20) as own:
            while True:
                try:
                    statuses.append(own.get("/api/catalog/entities/by-query?limit=50").status_code)
                except httpx2.ConnectError:
                    return
                except httpx2.HTTPError as error:
                    cut.append(error)

    with sqlite.running() as backend, ThreadPoolExecutor(8) as threads:
        workers = [threads.submit(ask_until_refused) for _ in range(8)]
        time.sleep(1.0)
        backend.process.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.result(timeout=20)
        assert backend.process.wait(10) == 0
    # A kept-alive connection may be closed just as a further request is written to it: once each, before an answer.
    assert len(cut) <= 8
    assert not [error for error in cut if "incomplete" in str(error)]
    assert statuses.count(200) > 100
    assert set(statuses) <= {200, 503}


def test_a_signal_during_the_start(sqlite: Installation) -> None:
    """W111, W112: SIGTERM during the start lets it settle, then stops with exit code 0."""
    with starting_backend(sqlite, 1.5) as backend:
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.wait(10) == 0
    printed = backend.log.read_text()
    assert "Stopping as soon as the start has settled; a second signal stops at once" in printed
    assert "Traceback" not in printed


def test_a_second_signal_during_the_start(sqlite: Installation) -> None:
    """W116: a second signal does not wait for a start that hangs; the exit code is 1."""
    with starting_backend(sqlite, 60) as backend:
        backend.process.send_signal(signal.SIGTERM)
        wait_for_text(backend.log, "a second signal stops at once")
        backend.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert backend.process.wait(10) == 1
        assert time.monotonic() - begun < 3
    printed = backend.log.read_text()
    assert "Stopped without waiting: a second signal came" in printed
    assert "Traceback" not in printed


def test_a_second_signal_while_requests_run(sqlite: Installation) -> None:
    """W116: a second signal does not wait for a request that hangs, which is told so; the exit code is 1."""
    with sqlite.running() as backend, ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(httpx2.get, f"{backend.url}/api/slow/?seconds=60", timeout=20)
        time.sleep(0.5)
        backend.process.send_signal(signal.SIGTERM)
        wait_for_text(backend.log, "Stopping")
        time.sleep(0.2)
        assert backend.process.poll() is None
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.wait(5) == 1
        assert hanging.result(timeout=5).status_code == 500
    assert "Traceback" not in backend.log.read_text()
    assert "CancelledError" not in backend.log.read_text()
