"""Queries on claims: entities that wait for a name which another location has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from understage.catalog.database.dialects import among, for_update, write_rows
from understage.catalog.database.references import Edge
from understage.plugin_api import DatabaseConnection


class Claim(msgspec.Struct, frozen=True):
    """An entity that was refused, because another location has its name.

    Attributes:
        entity_ref: the name.
        source_key: the provider that brought it, or None.
        source_entity_ref: the entity that led to it, or None.
        unprocessed_entity: its JSON text.
        unprocessed_hash: of the text.
        location_key: who may change it later.
    """

    entity_ref: str
    source_key: str | None
    source_entity_ref: str | None
    unprocessed_entity: str
    unprocessed_hash: str
    location_key: str | None

    @property
    def source(self) -> str:
        """Who brought it."""
        return self.source_key or self.source_entity_ref or ""


class StoredClaim(Claim, frozen=True):
    """A claim that waits.

    Attributes:
        id: larger for those that have waited less.
        since: since when it waits.
    """

    id: int
    since: datetime


_COLUMNS = "entity_ref, source_key, source_entity_ref, unprocessed_entity, unprocessed_hash, location_key, id, since"


async def find_claims(connection: DatabaseConnection, refs: Sequence[str]) -> list[StoredClaim]:
    """Returns who waits for these names, the longest first."""
    return await connection.fetch(
        f"SELECT {_COLUMNS} FROM claims WHERE {among(connection, 'entity_ref', '$1')} ORDER BY id",
        list(refs),
        row_type=StoredClaim,
    )


async def take_claims(connection: DatabaseConnection, refs: Sequence[str]) -> list[StoredClaim]:
    """Returns who waits for these names, the longest first; until the transaction ends they cannot give up."""
    query = f"SELECT {_COLUMNS} FROM claims WHERE {among(connection, 'entity_ref', '$1')} ORDER BY id"
    return await connection.fetch(f"{query} {for_update(connection)}", list(refs), row_type=StoredClaim)


async def find_claims_of_entities(connection: DatabaseConnection, sources: Sequence[str]) -> list[StoredClaim]:
    """Returns what the entities that led to it wait for."""
    query = f"SELECT {_COLUMNS} FROM claims WHERE {among(connection, 'source_entity_ref', '$1')} ORDER BY id"
    return await connection.fetch(query, list(sources), row_type=StoredClaim)


async def hold_claims_of_entities(connection: DatabaseConnection, sources: Sequence[str]) -> frozenset[int]:
    """Keeps what entities wait for from being given to them until the transaction ends; returns ids of the claims."""
    query = f"SELECT id FROM claims WHERE {among(connection, 'source_entity_ref', '$1')} ORDER BY id"
    return frozenset(row[0] for row in await connection.fetch(f"{query} {for_update(connection)}", list(sources)))


async def hold_claims_of_provider(connection: DatabaseConnection, source_key: str) -> frozenset[int]:
    """Keeps what a provider waits for from being given to it until the transaction ends; returns ids of the claims."""
    query = "SELECT id FROM claims WHERE source_key = $1 ORDER BY id"
    return frozenset(row[0] for row in await connection.fetch(f"{query} {for_update(connection)}", source_key))


async def find_claims_of_provider(connection: DatabaseConnection, source_key: str) -> list[StoredClaim]:
    """Returns what a provider waits for."""
    return await connection.fetch(
        f"SELECT {_COLUMNS} FROM claims WHERE source_key = $1 ORDER BY id",
        source_key,
        row_type=StoredClaim,
    )


async def find_free_claims(connection: DatabaseConnection, limit: int) -> list[str]:
    """Returns names that somebody waits for although nobody has them, or nothing leads to who has them."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT c.entity_ref FROM claims c WHERE NOT EXISTS (
            SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = c.entity_ref
        )
        LIMIT $1
        """,
        limit,
    )
    return sorted(row[0] for row in rows)


async def insert_claims(connection: DatabaseConnection, claims: Iterable[Claim], now: datetime) -> None:
    """Adds claims."""
    await write_rows(
        connection,
        """
        INSERT INTO claims (entity_ref, source_key, source_entity_ref, unprocessed_entity, unprocessed_hash,
            location_key, since)
        {rows}
        """,
        ("text", "text", "text", "text", "text", "text", "timestamptz"),
        [
            (
                one.entity_ref,
                one.source_key,
                one.source_entity_ref,
                one.unprocessed_entity,
                one.unprocessed_hash,
                one.location_key,
                now,
            )
            for one in claims
        ],
    )


async def update_claim(connection: DatabaseConnection, claim_id: int, claim: Claim) -> None:
    """Replaces what a claim is for; it keeps its place."""
    await connection.execute(
        "UPDATE claims SET unprocessed_entity = $2, unprocessed_hash = $3, location_key = $4 WHERE id = $1",
        claim_id,
        claim.unprocessed_entity,
        claim.unprocessed_hash,
        claim.location_key,
    )


async def delete_claims(connection: DatabaseConnection, claim_ids: Sequence[int]) -> None:
    """Removes claims."""
    await connection.execute(f"DELETE FROM claims WHERE {among(connection, 'id', '$1')}", list(claim_ids))


async def dispossess(connection: DatabaseConnection, refs: Sequence[str], now: datetime) -> set[Edge]:
    """Lets everything that leads to these entities wait for them, because another one takes them over.

    Args:
        connection: of a transaction that has locked the entities.
        refs: the entities.
        now: since when they wait.

    Returns:
        the edges from entities that are claims now.
    """
    if connection.dialect == "postgres":
        # Only what is deleted here becomes a claim: who lets go at the same moment must not find itself waiting.
        moved = f"""
            WITH doomed AS (
                SELECT id FROM refresh_state_references WHERE {among(connection, "target_entity_ref", "$1")}
                ORDER BY id {for_update(connection)}
            ), r AS (DELETE FROM refresh_state_references WHERE id IN (SELECT id FROM doomed) RETURNING *)
            """
    else:
        moved = ""
    rows = await connection.fetch(
        f"""
        {moved}
        INSERT INTO claims (entity_ref, source_key, source_entity_ref, unprocessed_entity, unprocessed_hash,
            location_key, since)
        SELECT s.entity_ref, r.source_key, r.source_entity_ref, s.unprocessed_entity, s.unprocessed_hash,
            s.location_key, $2
        FROM {"r" if moved else "refresh_state_references r"} JOIN refresh_state s ON s.entity_ref = r.target_entity_ref
        WHERE {among(connection, "s.entity_ref", "$1")} ORDER BY r.id
        RETURNING source_entity_ref, entity_ref
        """,
        list(refs),
        now,
    )
    if not moved:
        await connection.execute(
            f"DELETE FROM refresh_state_references WHERE {among(connection, 'target_entity_ref', '$1')}", list(refs)
        )
    return {Edge(source, target) for source, target in rows if source is not None}
