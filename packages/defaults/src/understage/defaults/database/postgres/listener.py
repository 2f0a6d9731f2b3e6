"""Listening on Postgres: a connection of its own, which comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import chain
from typing import Any

from understage.defaults.database.channels import Subscription
from understage.defaults.database.postgres.errors import lost_connection
from understage.defaults.database.settings import PostgresSettings

CHECK_SECONDS = 60.0
ANSWER_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 5.0


class PostgresListener:
    """Holds one connection while anybody listens, and gives what arrives to the subscriptions of its channel.

    The connection is beside those of the pool.

    Args:
        connect: opens a connection.
        settings: what is connected to, for messages.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], settings: PostgresSettings) -> None:
        self._settings = settings
        self._connect = connect
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._connection: Any = None
        self._changing = asyncio.Lock()
        self._lost = asyncio.Event()
        self._missed = False
        self._keeper: asyncio.Task[None] | None = None
        self._tidying: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Receives the payloads of a channel, under its name on the server."""
        subscription = Subscription()
        await self._add(channel, subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[channel].discard(subscription)
            # One who is cancelled cannot wait here.
            tidying = asyncio.create_task(self._tidy())
            self._tidying.add(tidying)
            tidying.add_done_callback(self._tidying.discard)

    async def close(self) -> None:
        """Closes the connection; subscriptions receive nothing any more."""
        if self._keeper is not None:
            # It may hold the lock for as long as connecting takes.
            self._keeper.cancel()
        async with self._changing:
            await self._stop()
        if self._tidying:
            await asyncio.wait(self._tidying)

    async def _add(self, channel: str, subscription: Subscription) -> None:
        async with self._changing:
            if self._connection is not None and self._connection.is_closed():
                self._terminated(self._connection)
            if self._connection is None:
                await self._open()
            if channel not in self._subscriptions:
                await self._begin(self._connection, channel)
            self._subscriptions.setdefault(channel, set()).add(subscription)
            if self._keeper is None:
                self._keeper = asyncio.create_task(self._keep())

    async def _tidy(self) -> None:
        async with self._changing:
            for channel in [channel for channel, listeners in self._subscriptions.items() if not listeners]:
                del self._subscriptions[channel]
                if self._subscriptions and self._connection is not None:
                    with suppress(Exception):  # a connection that breaks here is opened again without the channel
                        await self._connection.remove_listener(channel, self._received)
            if not self._subscriptions:
                await self._stop()

    async def _stop(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        self._missed = False

    async def _open(self) -> None:
        connection = await self._connect()
        try:
            for channel in self._subscriptions:
                await self._begin(connection, channel)
            connection.add_termination_listener(self._terminated)
        except BaseException:
            connection.terminate()
            raise
        self._lost.clear()
        self._connection = connection
        if connection.is_closed():
            self._terminated(connection)
            return
        if self._missed:
            self._missed = False
            for subscription in chain.from_iterable(self._subscriptions.values()):
                subscription.put("")

    async def _begin(self, connection: Any, channel: str) -> None:
        try:
            await connection.add_listener(channel, self._received)
        except Exception as error:
            unavailable = lost_connection(self._settings, error, closed=connection.is_closed())
            if unavailable is None:
                raise
            raise unavailable from error

    async def _keep(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            if self._connection is not None:
                await self._watch(self._connection)
                continue
            try:
                async with self._changing:
                    if self._connection is None:
                        await self._open()
            except Exception:  # noqa: BLE001 - whatever is wrong with the server, it may be right next time
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY_SECONDS)
            else:
                delay = FIRST_RETRY_SECONDS

    async def _watch(self, connection: Any) -> None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._lost.wait()
        except TimeoutError:
            # A connection that a firewall dropped looks open until something is sent.
            async with self._changing:
                try:
                    await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
                except Exception:  # noqa: BLE001 - any failure means that this connection is of no use
                    connection.terminate()

    def _terminated(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
            self._missed = True
            self._lost.set()

    def _received(self, _connection: Any, _pid: int, channel: str, payload: str) -> None:
        for subscription in self._subscriptions.get(channel, ()):
            subscription.put(payload)
