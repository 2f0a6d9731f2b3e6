"""Entities that this process works on: claimed for a short time that is renewed, so that a crash delays them little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from understage.catalog.database import due
from understage.catalog.database.due import ClaimedEntity, Lane
from understage.catalog.model.entity_ids import new_entity_id
from understage.catalog.processing.retrying import in_transaction
from understage.errors import ConflictError, ServiceUnavailableError
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService

LEASE_SECONDS = 15.0
RENEWALS_IN_A_LEASE = 3
LARGEST_SHARE_OF_NEW = 0.75


class LeaseLostError(ConflictError):
    """A lease has run out, so that others work on its entities: what came of them here is not to be stored."""


class Lease:
    """A batch of entities that this process works on. If it dies, they are due again when the lease has run out.

    The entities are due at the next time as soon as they are claimed, so that nothing needs to be written for one in
    which nothing has changed. One that is asked for anew meanwhile is due at another time, and stays so.

    Args:
        database: the catalog's database.
        logger: where a failing renewal is reported.
        pause: how long until the entities are looked at again.
    """

    def __init__(self, database: DatabaseService, logger: LoggerService, pause: timedelta) -> None:
        self._database = database
        self._logger = logger
        self._pause = pause
        self._id = new_entity_id()
        self._held: list[str] = []
        self.due_at = datetime.now(UTC)

    async def claim(self, limit: int) -> list[ClaimedEntity]:
        """Takes entities that are due: those that somebody waits for, then new ones, then others.

        However many new ones there are, a part of the batch is for those whose time has come again.

        Args:
            limit: how many at most.
        """
        now = datetime.now(UTC)
        lanes = await due.find_due_lanes(self._database, now)
        if not lanes:
            return []
        self.due_at = now + self._pause

        async def claim(connection: DatabaseConnection) -> list[ClaimedEntity]:
            claimed: list[ClaimedEntity] = []
            for lane, share in _shares(lanes):
                most = min(limit - len(claimed), round(limit * share))
                if most > 0:
                    claimed += await due.claim_due(connection, lane, now, self.due_at, most)
            if claimed:
                ids = sorted(one.entity_id for one in claimed)
                await due.insert_lease(connection, due.Lease(self._id, self.due_at, ids), _lease_end())
            return claimed

        claimed = await in_transaction(self._database, claim)
        self._held = sorted(one.entity_id for one in claimed)
        return claimed

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renews the lease while the block lasts."""
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(done))
        try:
            yield
        finally:
            done.set()
            await renewing

    async def finish(self, connection: DatabaseConnection, *, is_done: bool = True) -> None:
        """Makes sure that nobody else has taken over what is about to be stored.

        Args:
            connection: of the transaction that stores it.
            is_done: whether this is all of the batch, so that the lease ends.

        Raises:
            LeaseLostError: somebody has.
        """
        held = await (due.delete_lease(connection, self._id) if is_done else due.hold_lease(connection, self._id))
        if not held:
            raise LeaseLostError(
                f"the lease on {len(self._held)} entities has run out while this process was held up; others have "
                "taken them over, and nothing of them is stored here"
            )

    async def give_back(self) -> None:
        """Makes the entities due at once, because this process stops; without a database the lease runs out."""

        async def give_back(connection: DatabaseConnection) -> None:
            if await due.delete_lease(connection, self._id):
                await due.move_due(connection, self._held, self.due_at, datetime.now(UTC))

        if self._held:
            with suppress(ServiceUnavailableError):
                await in_transaction(self._database, give_back)

    async def _renew(self, done: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), LEASE_SECONDS / RENEWALS_IN_A_LEASE)
                return
            try:
                await due.renew_lease(self._database, self._id, _lease_end())
            except Exception as error:  # noqa: BLE001 - the work goes on; at worst another replica does it as well
                self._logger.warning("A lease on entities could not be renewed", error=error, count=len(self._held))


class LeaseWatch:
    """Makes entities due whose process has died.

    Args:
        database: the catalog's database.
        logger: where it is reported.
    """

    def __init__(self, database: DatabaseService, logger: LoggerService) -> None:
        self._database = database
        self._logger = logger
        self._next_look = 0.0

    async def look(self) -> None:
        """Looks for leases that have run out, if that was not done lately."""
        time = asyncio.get_running_loop().time()
        if time < self._next_look:
            return
        self._next_look = time + LEASE_SECONDS / RENEWALS_IN_A_LEASE
        now = datetime.now(UTC)

        async def take_back(connection: DatabaseConnection) -> int:
            leases = await due.take_expired_leases(connection, now)
            for lease in leases:
                await due.move_due(connection, lease.entity_ids, lease.due_at, now)
            return sum(len(lease.entity_ids) for lease in leases)

        count = await in_transaction(self._database, take_back)
        if count:
            self._logger.warning("Takes over entities from a process that has stopped without a word", count=count)


def _shares(lanes: set[Lane]) -> list[tuple[Lane, float]]:
    order = [(Lane.URGENT, 1.0), (Lane.NEW, LARGEST_SHARE_OF_NEW), (Lane.PERIODIC, 1.0), (Lane.NEW, 1.0)]
    if Lane.PERIODIC not in lanes:
        order = [(Lane.URGENT, 1.0), (Lane.NEW, 1.0)]
    return [(lane, share) for lane, share in order if lane in lanes]


def _lease_end() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
