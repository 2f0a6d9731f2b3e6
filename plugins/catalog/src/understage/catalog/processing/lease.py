"""Entities that this process works on: claimed for a short time that is renewed, so that a crash delays them little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from understage.catalog.database.refresh_state import ClaimedEntity, claim_due, move_due
from understage.catalog.processing.retrying import in_transaction
from understage.errors import ServiceUnavailableError
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService

LEASE_SECONDS = 15.0
RENEWALS_IN_A_LEASE = 3


class Lease:
    """A batch of entities that this process works on. If it dies, they are due again when the lease has run out.

    An entity that is asked for anew meanwhile is due at another time than the lease says, and is left as it is.

    Args:
        database: the catalog's database.
        logger: where a failing renewal is reported.
    """

    def __init__(self, database: DatabaseService, logger: LoggerService) -> None:
        self._database = database
        self._logger = logger
        self._until = datetime.now(UTC)
        self._held: list[str] = []

    async def claim(self, limit: int) -> list[ClaimedEntity]:
        """Takes the entities that have been due longest.

        Args:
            limit: how many at most.
        """
        now = datetime.now(UTC)
        until = _lease_end()

        async def claim(connection: DatabaseConnection) -> list[ClaimedEntity]:
            return await claim_due(connection, now, until, limit)

        claimed = await in_transaction(self._database, claim)
        self._until, self._held = until, sorted(one.entity_id for one in claimed)
        return claimed

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renews the lease while the block lasts."""
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(done))
        try:
            yield
        finally:
            # Not cancelled: a renewal that is under way decides which time the entities carry.
            done.set()
            await renewing

    async def finish(self, connection: DatabaseConnection, next_update_at: datetime) -> None:
        """Says when the entities are due again.

        Args:
            connection: of the transaction that stores what came of them, before it touches them otherwise.
            next_update_at: the next time.
        """
        await move_due(connection, self._held, self._until, next_update_at)

    async def give_back(self) -> None:
        """Makes the entities due at once, because this process stops; without a database the lease runs out."""
        if self._held:
            with suppress(ServiceUnavailableError):
                await move_due(self._database, self._held, self._until, datetime.now(UTC))

    async def _renew(self, done: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), LEASE_SECONDS / RENEWALS_IN_A_LEASE)
                return
            until = _lease_end()
            try:
                await move_due(self._database, self._held, self._until, until)
            except Exception as error:  # noqa: BLE001 - the work goes on; at worst another replica does it as well
                self._logger.warning("A lease on entities could not be renewed", error=error, count=len(self._held))
            else:
                self._until = until


def _lease_end() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
