"""Queries on what comes from an address of a source host."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from understage.catalog.database.dialects import among, for_no_key_update
from understage.catalog.database.locations import Location
from understage.catalog.database.refresh_keys import stored_key
from understage.catalog.query.key_numbers import key_number
from understage.catalog_api.annotations import MANAGED_BY_LOCATION, MANAGED_BY_ORIGIN_LOCATION
from understage.plugin_api import DatabaseConnection

_PLACES = ", ".join(
    str(key_number(f"metadata.annotations.{key}")) for key in (MANAGED_BY_LOCATION, MANAGED_BY_ORIGIN_LOCATION)
)


async def schedule_from(connection: DatabaseConnection, places: Sequence[str], now: datetime) -> int:
    """Makes entities due that are made of one of these places, or were found there; returns how many.

    Args:
        connection: where to write.
        places: such as `url:https://...`.
        now: the time.
    """
    found = f"""
        SELECT entity_id FROM refresh_keys WHERE {among(connection, "key", "$2")}
        UNION SELECT entity_id FROM search WHERE key IN ({_PLACES}) AND {among(connection, "value", "$3")}
    """
    keys = [stored_key(place) for place in places]
    return await _schedule(connection, found, now, keys, [place.lower() for place in places])


async def schedule_below(connection: DatabaseConnection, prefix: str, now: datetime) -> int:
    """Makes entities due that are made of a place below an address, or were found there; returns how many.

    Args:
        connection: where to write.
        prefix: such as `url:https://host/owner/repository/`.
        now: the time.
    """
    found = rf"""
        SELECT entity_id FROM refresh_keys WHERE key LIKE $2 ESCAPE '\'
        UNION SELECT entity_id FROM search WHERE key IN ({_PLACES}) AND value LIKE $3 ESCAPE '\'
    """
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return await _schedule(connection, found, now, f"{escaped}%", f"{escaped.lower()}%")


async def find_url_locations(connection: DatabaseConnection) -> list[Location]:
    """Returns the registered locations of the type `url`."""
    return await connection.fetch(
        "SELECT id, type, target, location_entity_ref FROM locations WHERE type = 'url' ORDER BY id", row_type=Location
    )


async def _schedule(connection: DatabaseConnection, found: str, now: datetime, *values: object) -> int:
    return await connection.execute(
        f"""
        UPDATE refresh_state SET next_update_at = $1 WHERE entity_id IN (
            SELECT entity_id FROM refresh_state WHERE entity_id IN ({found})
            ORDER BY entity_id {for_no_key_update(connection)}
        )
        """,
        now,
        *values,
    )
