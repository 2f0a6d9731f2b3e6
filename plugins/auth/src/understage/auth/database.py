"""The auth plugin's tables: public signing keys, and what is known of users. Times are milliseconds since 1970."""

from collections.abc import Sequence

from understage.plugin_api import DatabaseService


class AuthDatabase:
    """The queries of the auth plugin.

    Args:
        database: the plugin's database.
    """

    def __init__(self, database: DatabaseService) -> None:
        self._database = database

    async def migrate(self) -> None:
        """Brings the tables to the newest version, unless an operator does that."""
        if not self._database.migrations.skip:
            await self._database.migrate("understage.auth")

    async def publish(self, kid: str, jwk: str, *, created_at: int, drop_before: int) -> None:
        """Adds a public key and drops those made before a time.

        Args:
            kid: the key's name.
            jwk: the public key as JSON.
            created_at: when it was made.
            drop_before: the time before which keys have no living tokens.
        """
        async with self._database.transaction() as transaction:
            await transaction.execute("DELETE FROM signing_keys WHERE created_at < $1", drop_before)
            await transaction.execute(
                "INSERT INTO signing_keys (kid, created_at, key) VALUES ($1, $2, $3)", kid, created_at, jwk
            )

    async def published_since(self, created_at: int) -> Sequence[str]:
        """Returns the public keys made since a time, as JSON, oldest first."""
        rows = await self._database.fetch(
            "SELECT key FROM signing_keys WHERE created_at >= $1 ORDER BY created_at, kid", created_at
        )
        return [row[0] for row in rows]

    async def save_user_info(self, user_entity_ref: str, user_info: str, *, now: int) -> None:
        """Stores a user's info, in place of an older one.

        Args:
            user_entity_ref: the user.
            user_info: a JSON document.
            now: the present time.
        """
        await self._database.execute(
            "INSERT INTO user_info (user_entity_ref, user_info, created_at, updated_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (user_entity_ref)"
            " DO UPDATE SET user_info = excluded.user_info, updated_at = excluded.updated_at",
            user_entity_ref,
            user_info,
            now,
            now,
        )

    async def find_user_info(self, user_entity_ref: str) -> str | None:
        """Returns a user's info as it was stored, or None."""
        row = await self._database.fetch_row(
            "SELECT user_info FROM user_info WHERE user_entity_ref = $1", user_entity_ref
        )
        return None if row is None else row[0]
