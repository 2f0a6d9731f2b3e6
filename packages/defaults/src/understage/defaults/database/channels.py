"""Notifications: subscriptions with bounded queues, and channels within the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from understage.errors import InputError

QUEUE_LENGTH = 10_000
PAYLOAD_BYTES = 7_900
CHANNEL_BYTES = 63


def check_notification(channel: str, payload: str, *, prefix: str = "") -> None:
    """Checks that a notification is within the limits of Postgres, in both dialects.

    Raises:
        InputError: the payload or the channel's name is too long, or the name is empty.
    """
    length = len(f"{prefix}{channel}".encode())
    if not channel or length > CHANNEL_BYTES:
        shown = f"'{prefix}{channel}' has {length} bytes" if channel else "it is empty"
        raise InputError(f"the name of a notification channel must have 1 to {CHANNEL_BYTES} bytes; {shown}")
    if len(payload.encode()) > PAYLOAD_BYTES:
        raise InputError(
            f"a payload of {len(payload.encode())} bytes was notified on channel '{channel}'; {PAYLOAD_BYTES} are "
            "allowed. Write the data to a table and notify its key"
        )


class Subscription:
    """The payloads of one listener, read by iterating. When it overflows, an empty payload stands for what is lost."""

    def __init__(self) -> None:
        self._queue: deque[str] = deque()
        self._filled = asyncio.Event()

    def put(self, payload: str) -> None:
        """Adds a payload."""
        if len(self._queue) >= QUEUE_LENGTH:
            self._queue.clear()
            payload = ""
        self._queue.append(payload)
        self._filled.set()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        return self._queue.popleft()


class Channels:
    """Channels within the process, for SQLite."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[Subscription]] = {}

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Receives the payloads of a channel."""
        check_notification(channel, "")
        subscription = Subscription()
        self._subscriptions.setdefault(channel, set()).add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[channel].discard(subscription)

    def publish(self, channel: str, payload: str) -> None:
        """Gives a payload to all listeners of a channel."""
        for subscription in self._subscriptions.get(channel, ()):
            subscription.put(payload)
