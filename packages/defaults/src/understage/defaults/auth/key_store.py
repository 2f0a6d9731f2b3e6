"""The public keys of a plugin's replicas, in the plugin's own database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from understage.plugin_api import DatabaseService

MIGRATIONS = "understage.defaults.auth"

_TABLE_EXISTS = {
    "postgres": "SELECT to_regclass('backstage_backend_public_keys__keys')::text",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'backstage_backend_public_keys__keys'",
}


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A public key that tokens may be verified with until it expires.

    Attributes:
        id: the `kid`.
        jwk: the key.
        expires_at: when it is forgotten, in seconds since 1970.
    """

    id: str
    jwk: dict[str, Any]
    expires_at: int


class KeyStore(Protocol):
    """Where the public keys of all replicas are kept."""

    async def add(self, key: StoredKey) -> None:
        """Stores a key; when this returns, every replica lists it."""
        ...

    async def list_keys(self) -> Sequence[StoredKey]:
        """Returns the stored keys, expired ones included, the newest first."""
        ...

    async def delete_expired(self, now: float) -> None:
        """Deletes the keys that have expired.

        Args:
            now: the time, in seconds since 1970.
        """
        ...


class DatabaseKeyStore:
    """Keeps keys in the table `backstage_backend_public_keys__keys`, which is made when the first key is stored."""

    def __init__(self, database: DatabaseService) -> None:
        self._database = database
        self._table_is_there = False

    async def add(self, key: StoredKey) -> None:
        """Stores a key; when this returns, every replica lists it."""
        if not self._table_is_there:
            if not self._database.migrations.skip:
                await self._database.migrate(MIGRATIONS)
            self._table_is_there = True
        await self._database.execute(
            "INSERT INTO backstage_backend_public_keys__keys (id, key, expires_at) VALUES ($1, $2, $3)",
            key.id,
            msgspec.json.encode(key.jwk).decode(),
            key.expires_at,
        )

    async def list_keys(self) -> Sequence[StoredKey]:
        """Returns the stored keys, the newest first; none if no replica ever stored one."""
        if not await self._has_table():
            return []
        rows = await self._database.fetch(
            "SELECT id, key, expires_at FROM backstage_backend_public_keys__keys ORDER BY expires_at DESC, id"
        )
        return [StoredKey(key_id, msgspec.json.decode(key), expires_at) for key_id, key, expires_at in rows]

    async def delete_expired(self, now: float) -> None:
        """Deletes the keys that have expired."""
        await self._database.execute("DELETE FROM backstage_backend_public_keys__keys WHERE expires_at <= $1", int(now))

    async def _has_table(self) -> bool:
        if not self._table_is_there:
            row = await self._database.fetch_row(_TABLE_EXISTS[self._database.dialect])
            self._table_is_there = row is not None and row[0] is not None
        return self._table_is_there
