"""Listening on Postgres: a connection of its own, which comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from understage.defaults.database.channels import Subscription
from understage.errors import ServiceUnavailableError

CHECK_SECONDS = 60.0
ANSWER_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 5.0


class PostgresListener:
    """Holds one connection while anybody listens, and gives what arrives to the subscriptions of its channel.

    Args:
        connect: opens a connection.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._connection: Any = None
        self._changing = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Receives the payloads of a channel, under its name on the server."""
        subscription = Subscription()
        await self._add(channel, subscription)
        try:
            yield subscription
        finally:
            await self._remove(channel, subscription)

    async def close(self) -> None:
        """Closes the connection; subscriptions receive nothing any more."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _add(self, channel: str, subscription: Subscription) -> None:
        async with self._changing:
            if self._connection is None:
                await self._open()
            if channel not in self._subscriptions:
                await self._start_listening(self._connection, channel)
            self._subscriptions.setdefault(channel, set()).add(subscription)
            if self._keeper is None:
                self._keeper = asyncio.create_task(self._keep())

    async def _remove(self, channel: str, subscription: Subscription) -> None:
        subscriptions = self._subscriptions[channel]
        subscriptions.discard(subscription)
        if not subscriptions:
            del self._subscriptions[channel]
        if not self._subscriptions:
            await self.close()
        elif not subscriptions and self._connection is not None and not self._connection.is_closed():
            await self._connection.remove_listener(channel, self._received)

    async def _open(self) -> None:
        connection = await self._connect()
        self._lost.clear()
        connection.add_termination_listener(self._terminated)
        try:
            for channel in self._subscriptions:
                await self._start_listening(connection, channel)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def _start_listening(self, connection: Any, channel: str) -> None:
        await connection.add_listener(channel, self._received)

    async def _keep(self) -> None:
        while True:
            if await self._still_there():
                continue
            async with self._changing:
                await self._reopen()
            for subscriptions in self._subscriptions.values():
                for subscription in subscriptions:
                    subscription.put("")

    async def _still_there(self) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._lost.wait()
        except TimeoutError:
            return await self._answers()
        return False

    async def _answers(self) -> bool:
        # A connection that a firewall dropped looks open until something is sent.
        try:
            await self._connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
        except Exception:  # noqa: BLE001 - any failure means that this connection is of no use
            self._connection.terminate()
            return False
        return True

    async def _reopen(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                await self._open()
            except (ServiceUnavailableError, OSError):
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY_SECONDS)
            else:
                return

    def _terminated(self, connection: Any) -> None:
        if connection is self._connection or self._connection is None:
            self._lost.set()

    def _received(self, _connection: Any, _pid: int, channel: str, payload: str) -> None:
        for subscription in self._subscriptions.get(channel, ()):
            subscription.put(payload)
