"""Queries on ingestions: the ways through the sources of providers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import uuid4

import msgspec

from understage.plugin_api import DatabaseConnection

NextAction = Literal["ingest", "rest", "backoff", "cancel", "nothing (done)", "nothing (canceled)"]
Status = Literal["bursting", "interstitial", "resting", "backing off", "canceling", "complete"]


class Ingestion(msgspec.Struct, frozen=True):
    """A way through a provider's source.

    Attributes:
        id: its id.
        status: what it does, in the words of the HTTP API.
        next_action: what it does next.
        next_action_at: when.
        waits_since: when the wait for it began.
        last_error: what went wrong last.
        attempts: how many bursts have failed in a row.
    """

    id: str
    status: Status
    next_action: NextAction
    next_action_at: datetime
    waits_since: datetime
    last_error: str | None
    attempts: int


async def find_open(connection: DatabaseConnection, provider: str) -> Ingestion | None:
    """Returns the ingestion of a provider that has not ended, if there is one."""
    return await connection.fetch_row(
        """
        SELECT id, status, next_action, next_action_at, waits_since, last_error, attempts
        FROM incremental_ingestions WHERE provider_name = $1 AND rest_completed_at IS NULL
        """,
        provider,
        row_type=Ingestion,
    )


async def begin(connection: DatabaseConnection, provider: str, now: datetime) -> str | None:
    """Begins an ingestion, unless another replica just has, and returns its id."""
    ingestion_id = str(uuid4())
    inserted = await connection.execute(
        """
        INSERT INTO incremental_ingestions
            (id, provider_name, status, next_action, next_action_at, waits_since, created_at)
        VALUES ($1, $2, 'bursting', 'ingest', $3, $3, $3)
        ON CONFLICT DO NOTHING
        """,
        *(ingestion_id, provider, now),
    )
    return ingestion_id if inserted else None


async def begin_paused(connection: DatabaseConnection, provider: str, now: datetime, until: datetime) -> None:
    """Puts a provider to rest that has no ingestion."""
    await connection.execute(
        """
        INSERT INTO incremental_ingestions
            (id, provider_name, status, next_action, next_action_at, waits_since, created_at, ingestion_completed_at)
        VALUES ($1, $2, 'resting', 'rest', $4, $3, $3, $3)
        ON CONFLICT DO NOTHING
        """,
        *(str(uuid4()), provider, now, until),
    )


async def wait_anew(connection: DatabaseConnection, ingestion: Ingestion, now: datetime) -> None:
    """Lets a wait begin now, and last as long as it was to last."""
    await connection.execute(
        """
        UPDATE incremental_ingestions SET waits_since = $2, next_action_at = $3
        WHERE id = $1 AND rest_completed_at IS NULL AND next_action = $4
        """,
        *(ingestion.id, now, now + (ingestion.next_action_at - ingestion.waits_since), ingestion.next_action),
    )


async def resume(connection: DatabaseConnection, ingestion_id: str) -> None:
    """Lets an ingestion go on whose wait after a failure is over."""
    await connection.execute(
        """
        UPDATE incremental_ingestions SET next_action = 'ingest'
        WHERE id = $1 AND rest_completed_at IS NULL AND next_action = 'backoff'
        """,
        ingestion_id,
    )


async def end(connection: DatabaseConnection, ingestion_id: str, action: NextAction, now: datetime) -> bool:
    """Ends an ingestion, so that the next one can begin; returns whether it was open.

    Args:
        connection: the database.
        ingestion_id: the ingestion.
        action: what is told to come next: nothing, and why.
        now: the time.
    """
    return bool(
        await connection.execute(
            """
            UPDATE incremental_ingestions
            SET status = 'complete', next_action = $2, rest_completed_at = $3, burst = NULL
            WHERE id = $1 AND rest_completed_at IS NULL
            """,
            *(ingestion_id, action, now),
        )
    )


async def wish_to_cancel(connection: DatabaseConnection, ingestion_id: str, now: datetime) -> None:
    """Has an ingestion given up at the next occasion; a burst under way ends."""
    await connection.execute(
        """
        UPDATE incremental_ingestions
        SET status = 'canceling', next_action = 'cancel', next_action_at = $2, waits_since = $2, burst = NULL
        WHERE id = $1 AND rest_completed_at IS NULL
        """,
        *(ingestion_id, now),
    )


async def pause(connection: DatabaseConnection, ingestion_id: str, now: datetime, until: datetime) -> None:
    """Puts an ingestion to rest wherever it is; a burst under way ends."""
    await connection.execute(
        """
        UPDATE incremental_ingestions
        SET status = 'resting', next_action = 'rest', next_action_at = $3, waits_since = $2,
            ingestion_completed_at = $2, burst = NULL
        WHERE id = $1 AND rest_completed_at IS NULL
        """,
        *(ingestion_id, now, until),
    )


async def make_due(connection: DatabaseConnection, ingestion_id: str, now: datetime) -> None:
    """Ends the wait for the next action."""
    await connection.execute(
        """
        UPDATE incremental_ingestions SET next_action_at = $2, waits_since = $2
        WHERE id = $1 AND rest_completed_at IS NULL
        """,
        *(ingestion_id, now),
    )


async def find_provider_names(connection: DatabaseConnection) -> list[str]:
    """Returns the names of all providers that have ever begun and were not forgotten."""
    rows = await connection.fetch("SELECT DISTINCT provider_name FROM incremental_ingestions")
    return [row[0] for row in rows]


async def find_duplicates(connection: DatabaseConnection) -> list[str]:
    """Returns the providers with more than one open ingestion; the schema allows none."""
    rows = await connection.fetch(
        """
        SELECT provider_name FROM incremental_ingestions WHERE rest_completed_at IS NULL
        GROUP BY provider_name HAVING count(*) > 1 ORDER BY provider_name
        """
    )
    return [row[0] for row in rows]
