import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

REDIS_URL = os.environ.get("UNDERSTAGE_TEST_REDIS_URL") or "redis://127.0.0.1:6379"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of a Redis; tests that need one do not run where there is none."""
    parts = urlsplit(REDIS_URL)
    try:
        socket.create_connection((parts.hostname or "localhost", parts.port or 6379), 1).close()
    except OSError:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip("no Redis answers; name one in UNDERSTAGE_TEST_REDIS_URL")
    return REDIS_URL


class Recorder:
    """A logger that remembers level and message of what it is told."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def info(self, message: str, /, **metadata: Any) -> None:
        self.entries.append(("info", message))

    def warning(self, message: str, /, **metadata: Any) -> None:
        self.entries.append(("warning", message))

    def error(self, message: str, /, **metadata: Any) -> None:
        self.entries.append(("error", message))

    def debug(self, message: str, /, **metadata: Any) -> None:
        self.entries.append(("debug", message))

    def child(self, **metadata: Any) -> "Recorder":
        return self


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start_redis() -> Any:
    return redis_process


@contextmanager
def redis_process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a Redis of our own, which a test may kill."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None and os.environ.get("CI", "").lower() == "true":
        pytest.fail("neither redis-server nor valkey-server is installed")
    if program is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    process = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


class FakeMemcached:
    """As much of a Memcached server as a cache needs: get, set and delete of its text protocol, with expiry."""

    def __init__(self) -> None:
        self.values: dict[bytes, tuple[bytes, int]] = {}
        self.connections: list[asyncio.StreamWriter] = []
        self.port = 0
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._listener is not None
        self._listener.close()
        for writer in self.connections:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        self.connections.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                writer.write(await self._answer(line.split(), reader))
                await writer.drain()

    async def _answer(self, words: list[bytes], reader: asyncio.StreamReader) -> bytes:
        command, key = words[0], words[1]
        if command == b"set":
            value = (await reader.readexactly(int(words[4]) + 2))[:-2]
            self.values[key] = (value, int(words[3]))
            return b"STORED\r\n"
        if command == b"delete":
            return b"DELETED\r\n" if self.values.pop(key, None) else b"NOT_FOUND\r\n"
        found = self.values.get(key)
        return b"END\r\n" if found is None else b"VALUE %b 0 %d\r\n%b\r\nEND\r\n" % (key, len(found[0]), found[0])


@pytest.fixture
async def memcached() -> AsyncIterator[FakeMemcached]:
    server = FakeMemcached()
    await server.start()
    yield server
    await server.stop()
