"""The tables of the bus: events, and how far each subscription has read them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from understage.plugin_api import DatabaseConnection, DatabaseService

BATCH = 10
CHANNEL = "events"

# Numbers are given under this lock and become visible in their order. Without it, an event could appear below a number
# up to which others have read already, and be lost to them.
_LOCK = "SELECT pg_advisory_xact_lock(7235412, 1)"
_PAYLOAD_BYTES = 4000
# How often a subscription without events is marked as used.
_SIGN_OF_LIFE = timedelta(minutes=1)

# A subscription with its next events, all of them as of the same moment.
_NEXT_EVENTS = {
    "postgres": f"""
        SELECT s.read_until, s.topics, s.updated_at, (SELECT COALESCE(MAX(id), 0) FROM event_bus_events),
            e.id, e.topic, e.data_json
        FROM event_bus_subscriptions s
        LEFT JOIN LATERAL (
            SELECT id, topic, data_json FROM event_bus_events
            WHERE id > s.read_until AND topic = ANY(s.topics) AND s.id <> ALL(notified_subscribers)
            ORDER BY id LIMIT {BATCH}
        ) e ON TRUE
        WHERE s.id = $1 ORDER BY e.id""",
    "sqlite": f"""
        SELECT s.read_until, s.topics, s.updated_at, (SELECT COALESCE(MAX(id), 0) FROM event_bus_events),
            e.id, e.topic, e.data_json
        FROM event_bus_subscriptions s
        LEFT JOIN event_bus_events e ON e.id > s.read_until
            AND e.topic IN (SELECT value FROM json_each(s.topics))
            AND s.id NOT IN (SELECT value FROM json_each(e.notified_subscribers))
        WHERE s.id = $1 ORDER BY e.id LIMIT {BATCH}""",
}


_MOVE_PLAINLY = "UPDATE event_bus_subscriptions SET read_until = $3, updated_at = $4"
# Nobody waits for the disk: if the server crashes just then, events are handed out again.
_MOVE = {
    "postgres": "WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE))"
    f" {_MOVE_PLAINLY} FROM relaxed WHERE id = $1 AND read_until = $2",
    "sqlite": f"{_MOVE_PLAINLY} WHERE id = $1 AND read_until = $2",
}


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be stored.

    Attributes:
        topic: its topic.
        payload: its payload as JSON text.
        notified: subscriptions that have it already.
        created_by: who publishes it.
    """

    topic: str
    payload: str
    notified: Sequence[str]
    created_by: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is handed out.

    Attributes:
        topic: its topic.
        payload: its payload as JSON text.
    """

    topic: str
    payload: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a subscription reads.

    Attributes:
        topics: its topics.
        events: the next events, at most ten; they are not handed out again.
    """

    topics: Sequence[str]
    events: Sequence[StoredEvent]


class _SubscriptionRow(msgspec.Struct):
    read_until: int
    topics: Any
    updated_at: datetime
    newest: int
    id: int | None
    topic: str | None
    payload: str | None


class EventsDatabase:
    """The queries of the events plugin.

    Args:
        database: the plugin's database.
        clock: tells the time, in UTC.
    """

    def __init__(self, database: DatabaseService, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock

    async def migrate(self) -> None:
        """Brings the tables to the newest version, unless an operator does that."""
        if not self._database.migrations.skip:
            await self._database.migrate("understage.events")

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Receives the topics of events as they are stored, by any replica; see `read_topics`."""
        return self._database.listen(CHANNEL)

    async def publish(self, events: Sequence[NewEvent]) -> list[bool]:
        """Stores events that a subscription needs which has not been notified of them.

        Args:
            events: the events, in order.

        Returns:
            for each event whether it was stored.
        """
        now = self._clock()
        async with self._ordered() as transaction:
            subscribers = await self._subscribers(transaction)
            needed = [bool(subscribers.get(event.topic, set()) - set(event.notified)) for event in events]
            rows = [
                (event.created_by, now, event.topic, event.payload, list(event.notified))
                for event, is_needed in zip(events, needed, strict=True)
                if is_needed
            ]
            if rows:
                await transaction.execute_many(
                    "INSERT INTO event_bus_events (created_by, created_at, topic, data_json, notified_subscribers)"
                    " VALUES ($1, $2, $3, $4, $5)",
                    rows,
                )
                await transaction.notify(CHANNEL, _topics_payload({row[2] for row in rows}))
        return needed

    async def subscribe(self, subscription_id: str, topics: Sequence[str], created_by: str) -> None:
        """Creates a subscription that begins with the next event, or changes the topics of one.

        Args:
            subscription_id: its name.
            topics: its topics.
            created_by: who asks for it.
        """
        now = self._clock()
        async with self._ordered() as transaction:
            await transaction.execute(
                "INSERT INTO event_bus_subscriptions (id, created_by, created_at, updated_at, read_until, topics)"
                " VALUES ($1, $2, $3, $4, (SELECT COALESCE(MAX(id), 0) FROM event_bus_events), $5)"
                " ON CONFLICT (id) DO UPDATE SET topics = excluded.topics, updated_at = excluded.updated_at",
                subscription_id,
                created_by,
                now,
                now,
                list(topics),
            )

    async def read(self, subscription_id: str) -> Reading | None:
        """Hands out the next events of a subscription, or returns None if there is no such subscription.

        Args:
            subscription_id: its name.
        """
        while True:
            rows = await self._database.fetch(
                _NEXT_EVENTS[self._database.dialect], subscription_id, row_type=_SubscriptionRow
            )
            if not rows:
                return None
            events = [StoredEvent(row.topic or "", row.payload or "") for row in rows if row.id is not None]
            if await self._move(subscription_id, rows, full=len(events) == BATCH):
                return Reading(_texts(rows[0].topics), events)

    async def _move(self, subscription_id: str, rows: Sequence[_SubscriptionRow], *, full: bool) -> bool:
        """Moves a subscription behind the events that were read; returns False if another reader was faster."""
        subscription, now = rows[0], self._clock()
        # Whatever it does not want need not be looked at again.
        read_until = (rows[-1].id or 0) if full else max(subscription.newest, subscription.read_until)
        if read_until == subscription.read_until and now - subscription.updated_at < _SIGN_OF_LIFE:
            return True
        moved = await self._database.execute(
            _MOVE[self._database.dialect],
            subscription_id,
            subscription.read_until,
            read_until,
            now,
        )
        return moved > 0

    async def clean(self, *, keep: timedelta, keep_at_most: timedelta, count: int) -> int:
        """Deletes old events, and subscriptions that nobody has used for as long as events live at most.

        Args:
            keep: younger events always stay.
            keep_at_most: older events always go.
            count: of the others, how many of the newest events stay.

        Returns:
            how many events went.
        """
        now = self._clock()
        deleted = await self._database.execute(
            "DELETE FROM event_bus_events WHERE created_at < $1 OR (created_at < $2 AND id <="
            " (SELECT id FROM event_bus_events ORDER BY id DESC LIMIT 1 OFFSET $3))",
            now - keep_at_most,
            now - keep,
            count,
        )
        await self._database.execute("DELETE FROM event_bus_subscriptions WHERE updated_at < $1", now - keep_at_most)
        return deleted

    @asynccontextmanager
    async def _ordered(self) -> AsyncIterator[DatabaseConnection]:
        async with self._database.transaction() as transaction:
            if self._database.dialect == "postgres":
                await transaction.execute(_LOCK)
            yield transaction

    @staticmethod
    async def _subscribers(transaction: DatabaseConnection) -> dict[str, set[str]]:
        """Returns the ids of subscriptions by topic."""
        subscribers: dict[str, set[str]] = {}
        for subscription_id, topics in await transaction.fetch("SELECT id, topics FROM event_bus_subscriptions"):
            for topic in _texts(topics):
                subscribers.setdefault(topic, set()).add(subscription_id)
        return subscribers


def read_topics(payload: str) -> list[str] | None:
    """Returns the topics that a notification names; None means that it may be any."""
    return msgspec.json.decode(payload, type=list[str]) if payload else None


def _topics_payload(topics: set[str]) -> str:
    payload = msgspec.json.encode(sorted(topics)).decode()
    return payload if len(payload.encode()) <= _PAYLOAD_BYTES else ""


def _texts(value: Any) -> list[str]:
    return msgspec.json.decode(value, type=list[str]) if isinstance(value, str) else value
