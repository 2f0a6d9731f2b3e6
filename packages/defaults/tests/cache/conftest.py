import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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
