"""Queries that delete what is known of providers."""

from __future__ import annotations

import msgspec

from understage.plugin_api import DatabaseConnection


class Deleted(msgspec.Struct, frozen=True):
    """How many rows were deleted: ingestions, marks, and entities of marks."""

    ingestions: int
    marks: int
    entities: int


async def forget_ended(connection: DatabaseConnection, provider: str) -> Deleted:
    """Deletes the ingestions of a provider that have ended, with their marks.

    What the provider has brought stays known: the ingestion that is open removes of it what it does not see.

    Args:
        connection: of a transaction.
        provider: its name.
    """
    ended = "provider_name = $1 AND rest_completed_at IS NOT NULL"
    marks = await _delete_marks(connection, ended, provider)
    ingestions = await connection.execute(f"DELETE FROM incremental_ingestions WHERE {ended}", provider)
    return Deleted(ingestions, marks, 0)


async def forget_provider(connection: DatabaseConnection, provider: str) -> Deleted:
    """Deletes all that is known of a provider; its entities stay in the catalog.

    Args:
        connection: of a transaction.
        provider: its name.
    """
    # First the lock that a burst takes first, too.
    await connection.execute("UPDATE incremental_ingestions SET burst = NULL WHERE provider_name = $1", provider)
    entities = await connection.execute("DELETE FROM incremental_entities WHERE provider_name = $1", provider)
    marks = await _delete_marks(connection, "provider_name = $1", provider)
    ingestions = await connection.execute("DELETE FROM incremental_ingestions WHERE provider_name = $1", provider)
    return Deleted(ingestions, marks, entities)


async def _delete_marks(connection: DatabaseConnection, condition: str, provider: str) -> int:
    return await connection.execute(
        f"""
        DELETE FROM incremental_marks
        WHERE ingestion_id IN (SELECT id FROM incremental_ingestions WHERE {condition})
        """,
        provider,
    )
