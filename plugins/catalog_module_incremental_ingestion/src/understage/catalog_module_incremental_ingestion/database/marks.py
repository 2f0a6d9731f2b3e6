"""Queries on marks: which pages have come in, and where the next one begins."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import msgspec

from understage.plugin_api import DatabaseConnection


class Mark(msgspec.Struct, frozen=True):
    """A page that has come in.

    Attributes:
        id: its id.
        sequence: which page it was, from 0.
        cursor: where the next page begins, as JSON text.
        created_at: when it had come in.
    """

    id: str
    sequence: int
    cursor: str | None
    created_at: datetime


async def find_last(connection: DatabaseConnection, ingestion_id: str) -> Mark | None:
    """Returns the last page of an ingestion."""
    return await connection.fetch_row(
        """
        SELECT id, sequence, cursor, created_at FROM incremental_marks
        WHERE ingestion_id = $1 ORDER BY sequence DESC LIMIT 1
        """,
        ingestion_id,
        row_type=Mark,
    )


async def find_all(connection: DatabaseConnection, ingestion_id: str) -> list[Mark]:
    """Returns the pages of an ingestion, the last one first."""
    return await connection.fetch(
        """
        SELECT id, sequence, cursor, created_at FROM incremental_marks
        WHERE ingestion_id = $1 ORDER BY sequence DESC
        """,
        ingestion_id,
        row_type=Mark,
    )


async def insert(
    connection: DatabaseConnection, ingestion_id: str, sequence: int, cursor: str | None, now: datetime
) -> None:
    """Notes that a page has come in."""
    await connection.execute(
        """
        INSERT INTO incremental_marks (id, ingestion_id, sequence, cursor, created_at) VALUES ($1, $2, $3, $4, $5)
        """,
        *(str(uuid4()), ingestion_id, sequence, cursor, now),
    )
