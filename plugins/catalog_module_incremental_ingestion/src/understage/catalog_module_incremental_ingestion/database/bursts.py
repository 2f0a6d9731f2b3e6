"""Queries of bursts: each write holds only as long as nobody else has taken the ingestion over."""

from __future__ import annotations

from datetime import datetime

from understage.plugin_api import DatabaseConnection


async def begin_burst(connection: DatabaseConnection, ingestion_id: str, burst: str) -> bool:
    """Begins a burst, in place of one that was cut short; returns whether the ingestion is still to go on.

    Args:
        connection: the database.
        ingestion_id: the ingestion.
        burst: a new id for the burst.
    """
    return bool(
        await connection.execute(
            """
            UPDATE incremental_ingestions SET status = 'bursting', burst = $2
            WHERE id = $1 AND rest_completed_at IS NULL AND next_action = 'ingest'
            """,
            *(ingestion_id, burst),
        )
    )


async def hold(connection: DatabaseConnection, ingestion_id: str, burst: str) -> bool:
    """Keeps others from steering the ingestion until the transaction ends; returns whether the burst goes on."""
    return bool(
        await connection.execute(
            "UPDATE incremental_ingestions SET status = status WHERE id = $1 AND burst = $2", ingestion_id, burst
        )
    )


async def note(connection: DatabaseConnection, ingestion_id: str, burst: str, problem: str) -> None:
    """Shows a problem that does not end the burst."""
    await connection.execute(
        "UPDATE incremental_ingestions SET last_error = $3 WHERE id = $1 AND burst = $2",
        *(ingestion_id, burst, problem),
    )


async def rest(connection: DatabaseConnection, ingestion_id: str, burst: str, now: datetime, until: datetime) -> None:
    """Ends the last burst of an ingestion."""
    await connection.execute(
        """
        UPDATE incremental_ingestions
        SET status = 'resting', next_action = 'rest', next_action_at = $4, waits_since = $3,
            ingestion_completed_at = $3, attempts = 0, burst = NULL
        WHERE id = $1 AND burst = $2
        """,
        *(ingestion_id, burst, now, until),
    )


async def interrupt(
    connection: DatabaseConnection, ingestion_id: str, burst: str, now: datetime, until: datetime
) -> None:
    """Ends a burst after which another one follows."""
    await connection.execute(
        """
        UPDATE incremental_ingestions
        SET status = 'interstitial', next_action_at = $4, waits_since = $3, attempts = 0, burst = NULL
        WHERE id = $1 AND burst = $2
        """,
        *(ingestion_id, burst, now, until),
    )


async def back_off(
    connection: DatabaseConnection, ingestion_id: str, burst: str, problem: str, now: datetime, until: datetime
) -> bool:
    """Ends a burst that has failed; returns whether it was still going on."""
    return bool(
        await connection.execute(
            """
            UPDATE incremental_ingestions
            SET status = 'backing off', next_action = 'backoff', next_action_at = $5, waits_since = $4,
                attempts = attempts + 1, last_error = $3, burst = NULL
            WHERE id = $1 AND burst = $2
            """,
            *(ingestion_id, burst, problem, now, until),
        )
    )
