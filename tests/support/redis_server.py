"""A Redis server of a test's own, which it may kill and start again."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.not_run import not_run
from tests.support.processes import free_port


class RedisServer:
    """A server that keeps nothing on disk.

    Args:
        program: `redis-server` or `valkey-server`.
        port: where it listens on loopback.
    """

    def __init__(self, program: str, port: int) -> None:
        self._program = program
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        options = ["--bind", "127.0.0.1", "--port", str(self._port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.02)

    def kill(self) -> None:
        """Kills it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def own_redis() -> Iterator[RedisServer]:
    """Runs a server; where the program is missing the test is reported as not run, and in CI as failed."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        not_run("neither redis-server nor valkey-server is installed")
    server = RedisServer(program, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
