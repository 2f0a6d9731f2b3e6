"""Queries on entities that nothing but a circle of their own leads to, where orphans are kept."""

from __future__ import annotations

from collections.abc import Collection

from understage.catalog.database.dialects import among, write_rows
from understage.plugin_api import DatabaseConnection

IS_ORPHAN = """(
    NOT EXISTS (SELECT 1 FROM refresh_state_references r WHERE r.target_entity_ref = s.entity_ref)
    OR EXISTS (SELECT 1 FROM orphan_circles o WHERE o.entity_ref = s.entity_ref)
)"""
"""The condition that an entity of `refresh_state s` is an orphan."""


async def find_marked(connection: DatabaseConnection) -> set[str]:
    """Returns the entities that are known to be in such a circle."""
    return {row[0] for row in await connection.fetch("SELECT entity_ref FROM orphan_circles")}


async def mark(connection: DatabaseConnection, refs: Collection[str]) -> None:
    """Notes that entities are in such a circle."""
    statement = "INSERT INTO orphan_circles (entity_ref) {rows} ON CONFLICT (entity_ref) DO NOTHING"
    await write_rows(connection, statement, ("text",), [(ref,) for ref in sorted(refs)])


async def unmark(connection: DatabaseConnection, refs: Collection[str]) -> None:
    """Notes that entities are in no such circle any more."""
    await connection.execute(f"DELETE FROM orphan_circles WHERE {among(connection, 'entity_ref', '$1')}", sorted(refs))
