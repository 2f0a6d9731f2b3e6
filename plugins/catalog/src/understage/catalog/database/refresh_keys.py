"""Queries on refresh keys: what entities are made of, so that they are looked at again when it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from understage.catalog.database.dialects import among, for_no_key_update, write_rows
from understage.catalog.database.due import Lane
from understage.plugin_api import DatabaseConnection

LONGEST_KEY = 255
KEPT_OF_LONG_KEYS = 180


def stored_key(key: str) -> str:
    """Returns a key as it is stored: long ones are cut and made distinct by a hash.

    Args:
        key: such as `url:https://...`.
    """
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[:KEPT_OF_LONG_KEYS]}#sha256:{hashlib.sha256(key.encode()).hexdigest()}"


async def replace_keys(
    connection: DatabaseConnection, entity_ids: Sequence[str], keys: Iterable[tuple[str, str]]
) -> None:
    """Replaces the keys of some entities.

    Args:
        connection: of a transaction.
        entity_ids: the entities whose keys are replaced; new ones, which have none, may be left out.
        keys: entity ids with their keys.
    """
    wanted = {(entity_id, stored_key(key)) for entity_id, key in keys}
    query = f"SELECT CAST(entity_id AS text), key FROM refresh_keys WHERE {among(connection, 'entity_id', '$1')}"
    rows = await connection.fetch(query, list(entity_ids)) if entity_ids else []
    known = {(row[0], row[1]) for row in rows}
    gone = sorted(known - wanted)
    if gone:
        await connection.execute_many("DELETE FROM refresh_keys WHERE entity_id = $1 AND key = $2", gone)
    if wanted - known:
        await write_rows(
            connection,
            "INSERT INTO refresh_keys (entity_id, key) {rows} ON CONFLICT DO NOTHING",
            ("uuid", "text"),
            sorted(wanted - known),
        )


async def schedule_by_keys(connection: DatabaseConnection, keys: Iterable[str], now: datetime) -> int:
    """Makes the entities due at once that have one of the keys; returns how many they are.

    Args:
        connection: where to write.
        keys: as processors have emitted them.
        now: the time.
    """
    return await connection.execute(
        f"""
        UPDATE refresh_state SET lane = {Lane.NEW:d}, next_update_at = $1 WHERE entity_id IN (
            SELECT entity_id FROM refresh_state WHERE entity_id IN (
                SELECT entity_id FROM refresh_keys WHERE {among(connection, "key", "$2")}
            )
            ORDER BY entity_id {for_no_key_update(connection)}
        )
        """,
        now,
        sorted({stored_key(key) for key in keys}),
    )
