"""Queries on registered locations."""

from __future__ import annotations

import msgspec

from understage.plugin_api import DatabaseConnection

_COLUMNS = "id, type, target, location_entity_ref"


class Location(msgspec.Struct, frozen=True, rename="camel"):
    """A registered location, as it is on the wire.

    Attributes:
        id: a UUID.
        type: what reads it.
        target: its address.
        entity_ref: the name of its Location entity, which stays when the target changes.
    """

    id: str
    type: str
    target: str
    entity_ref: str


async def find_all(connection: DatabaseConnection) -> list[Location]:
    """Returns all locations by id."""
    return await connection.fetch(f"SELECT {_COLUMNS} FROM locations ORDER BY id", row_type=Location)


async def find_by_id(connection: DatabaseConnection, location_id: str) -> Location | None:
    """Returns a location."""
    query = f"SELECT {_COLUMNS} FROM locations WHERE id = $1"
    return await connection.fetch_row(query, location_id, row_type=Location)


async def find_by_target(connection: DatabaseConnection, location_type: str, target: str) -> Location | None:
    """Returns the location of a type and target."""
    query = f"SELECT {_COLUMNS} FROM locations WHERE type = $1 AND target = $2"
    return await connection.fetch_row(query, location_type, target, row_type=Location)


async def insert(connection: DatabaseConnection, location: Location) -> bool:
    """Adds a location; returns whether there was none of its type and target."""
    return bool(
        await connection.execute(
            f"INSERT INTO locations ({_COLUMNS}) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            *msgspec.structs.astuple(location),
        )
    )


async def update(connection: DatabaseConnection, location: Location) -> None:
    """Changes type and target of a location."""
    await connection.execute(
        "UPDATE locations SET type = $2, target = $3 WHERE id = $1", location.id, location.type, location.target
    )


async def delete(connection: DatabaseConnection, location_id: str) -> None:
    """Removes a location."""
    await connection.execute("DELETE FROM locations WHERE id = $1", location_id)
