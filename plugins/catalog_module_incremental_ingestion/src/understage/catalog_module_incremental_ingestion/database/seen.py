"""Queries on what providers have brought, and in which ingestion it was seen last."""

from __future__ import annotations

from collections.abc import Sequence

from understage.plugin_api import DatabaseConnection

AT_ONCE = 1000
"""Entities that are written or removed at once."""

_GONE = "provider_name = $1 AND (ingestion_id IS NULL OR ingestion_id <> $2)"


async def track(connection: DatabaseConnection, provider: str, refs: Sequence[str], ingestion_id: str | None) -> None:
    """Notes that entities were seen.

    Args:
        connection: of a transaction.
        provider: who has brought them.
        refs: their names, sorted, which keeps two replicas from waiting for each other.
        ingestion_id: in which ingestion; None between two, whose next one has to see them again.
    """
    values = "unnest($2::text[]) AS r (value)" if connection.dialect == "postgres" else "json_each($2) WHERE true"
    for start in range(0, len(refs), AT_ONCE):
        await connection.execute(
            f"""
            INSERT INTO incremental_entities (provider_name, entity_ref, ingestion_id)
            SELECT $1, value, $3 FROM {values}
            ON CONFLICT (provider_name, entity_ref) DO UPDATE SET ingestion_id = excluded.ingestion_id
            """,
            *(provider, list(refs[start : start + AT_ONCE]), ingestion_id),
        )


async def count(connection: DatabaseConnection, provider: str, ingestion_id: str) -> tuple[int, int]:
    """Returns how many entities were seen in an ingestion, and how many were brought before but not seen in it."""
    row = await connection.fetch_row(
        """
        SELECT count(*), coalesce(sum(CASE WHEN ingestion_id = $2 THEN 1 ELSE 0 END), 0)
        FROM incremental_entities WHERE provider_name = $1
        """,
        *(provider, ingestion_id),
    )
    total, seen = row or (0, 0)
    return int(seen), int(total) - int(seen)


async def find_gone(connection: DatabaseConnection, provider: str, ingestion_id: str, after: str) -> list[str]:
    """Returns the first entities, by name, that were brought before but not seen in an ingestion.

    Args:
        connection: the database.
        provider: who has brought them.
        ingestion_id: the ingestion.
        after: the name after which to begin.
    """
    rows = await connection.fetch(
        f"""
        SELECT entity_ref FROM incremental_entities
        WHERE {_GONE} AND entity_ref > $3 ORDER BY entity_ref LIMIT {AT_ONCE}
        """,
        *(provider, ingestion_id, after),
    )
    return [row[0] for row in rows]


async def forget_gone(connection: DatabaseConnection, provider: str, ingestion_id: str, refs: Sequence[str]) -> None:
    """Forgets entities that were removed, unless they were seen meanwhile."""
    await connection.execute(
        f"DELETE FROM incremental_entities WHERE {_GONE} AND {_among(connection, '$3')}",
        *(provider, ingestion_id, list(refs)),
    )


async def forget(connection: DatabaseConnection, provider: str, refs: Sequence[str]) -> None:
    """Forgets entities."""
    await connection.execute(
        f"DELETE FROM incremental_entities WHERE provider_name = $1 AND {_among(connection, '$2')}",
        *(provider, list(refs)),
    )


def _among(connection: DatabaseConnection, placeholder: str) -> str:
    if connection.dialect == "postgres":
        return f"entity_ref = ANY({placeholder})"
    return f"entity_ref IN (SELECT value FROM json_each({placeholder}))"
