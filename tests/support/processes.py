"""Real backend processes for tests."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READINESS = "/.backstage/health/v1/readiness"


@dataclass(frozen=True)
class BackendProcess:
    """A running backend: its process, its port on loopback, and the file that holds its output."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_backend(
    arguments: Sequence[str],
    *,
    folder: Path,
    port: int,
    log: Path,
    environment: Mapping[str, str],
    program: str = sys.executable,
) -> Iterator[BackendProcess]:
    """Runs `PROGRAM ARGUMENTS` until the block ends; it must become ready within 30 s and stop well on SIGTERM."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    backend = BackendProcess(process, port, log)
    try:
        wait_until_ready(backend)
        yield backend
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the backend did not stop:\n{log.read_text()}") from None


def wait_until_ready(backend: BackendProcess, seconds: float = 30) -> None:
    """Waits for readiness; fails with the backend's output if it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(backend.url + READINESS, timeout=2).read()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            ended = backend.process.poll() is not None
            assert not ended, f"the backend ended with {backend.process.returncode}:\n{backend.log.read_text()}"
            assert time.monotonic() < deadline, f"the backend did not become ready:\n{backend.log.read_text()}"
            time.sleep(0.05)
        else:
            return
