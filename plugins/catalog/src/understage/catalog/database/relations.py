"""Queries on the relations that processing has given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import astuple

from understage.catalog.database.dialects import among
from understage.plugin_api import DatabaseConnection


class StoredRelation(msgspec.Struct, frozen=True):
    """A relation and the entity whose processing gave it."""

    originating_entity_id: str
    source_entity_ref: str
    type: str
    target_entity_ref: str


async def find_relations(connection: DatabaseConnection, originating_ids: Sequence[str]) -> list[StoredRelation]:
    """Returns the relations that these entities have given."""
    return await connection.fetch(
        "SELECT CAST(originating_entity_id AS text), source_entity_ref, type, target_entity_ref FROM relations"
        f" WHERE {among(connection, 'originating_entity_id', '$1')}",
        list(originating_ids),
        row_type=StoredRelation,
    )


async def find_relation_sources(connection: DatabaseConnection, refs: Sequence[str]) -> list[str]:
    """Returns whose relations change when these entities go: the sources of relations that they have given."""
    rows = await connection.fetch(
        f"""
        SELECT DISTINCT r.source_entity_ref FROM relations r
        JOIN refresh_state s ON s.entity_id = r.originating_entity_id
        WHERE {among(connection, "s.entity_ref", "$1")}
        """,
        list(refs),
    )
    return [row[0] for row in rows]


async def insert_relations(connection: DatabaseConnection, relations: Iterable[StoredRelation]) -> None:
    """Adds relations."""
    columns = ("originating_entity_id", "source_entity_ref", "type", "target_entity_ref")
    await connection.copy("relations", columns, map(astuple, relations))


async def delete_relations(connection: DatabaseConnection, relations: Iterable[StoredRelation]) -> None:
    """Removes relations."""
    relations = list(relations)
    if not relations:
        return
    await connection.execute_many(
        """
        DELETE FROM relations WHERE originating_entity_id = $1 AND source_entity_ref = $2 AND type = $3
            AND target_entity_ref = $4
        """,
        [astuple(relation) for relation in relations],
    )
