"""Shows how providers stand, and steers them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from understage.catalog_module_incremental_ingestion.database import ingestions, marks
from understage.catalog_module_incremental_ingestion.database.forgetting import (
    Deleted,
    forget_ended,
    forget_provider,
)
from understage.catalog_module_incremental_ingestion.database.ingestions import Ingestion
from understage.catalog_module_incremental_ingestion.database.marks import Mark
from understage.errors import ConflictError, NotFoundError
from understage.plugin_api import DatabaseService, SchedulerService

PAUSE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider stands.

    Attributes:
        ingestion: its way through the source; None for a moment after one has ended.
    """

    ingestion: Ingestion | None


class Steering:
    """Shows how providers stand, and steers them.

    Args:
        database: the catalog's database.
        scheduler: runs the providers.
        installed: the names of the providers of this backend.
    """

    def __init__(self, database: DatabaseService, scheduler: SchedulerService, installed: Collection[str]) -> None:
        self._database = database
        self._scheduler = scheduler
        self._installed = installed

    async def providers(self) -> list[str]:
        """Returns the names of all providers: those that are installed, and those that once were."""
        return sorted({*self._installed, *await ingestions.find_provider_names(self._database)})

    async def duplicates(self) -> list[str]:
        """Returns the providers that go through their source twice at the same time, which should be none."""
        return await ingestions.find_duplicates(self._database)

    async def find(self, provider: str) -> Standing | None:
        """Returns how a provider stands, or None if there is none of this name."""
        ingestion = await ingestions.find_open(self._database, provider)
        if ingestion is None and provider not in await self.providers():
            return None
        return Standing(ingestion)

    async def marks(self, ingestion: Ingestion) -> list[Mark]:
        """Returns the pages that have come in, the last one first."""
        return await marks.find_all(self._database, ingestion.id)

    async def trigger(self, provider: str, ingestion: Ingestion) -> None:
        """Ends the wait for whatever a provider does next."""
        await ingestions.make_due(self._database, ingestion.id, datetime.now(UTC))
        await self._nudge(provider)

    async def start(self, provider: str, ingestion: Ingestion) -> None:
        """Has a provider begin at the first page of its source, whatever it does now."""
        now = datetime.now(UTC)
        if ingestion.status == "resting":
            await ingestions.end(self._database, ingestion.id, "nothing (done)", now)
        else:
            await ingestions.wish_to_cancel(self._database, ingestion.id, now)
        await self._nudge(provider)

    async def cancel(self, ingestion: Ingestion) -> None:
        """Gives an ingestion up and lets its provider rest for a day; what has come in stays."""
        now = datetime.now(UTC)
        await ingestions.pause(self._database, ingestion.id, now, now + PAUSE)

    async def reset(self, provider: str) -> Deleted:
        """Forgets all that is known of a provider, and lets it rest for a day; its entities stay in the catalog."""
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            deleted = await forget_provider(connection, provider)
            await ingestions.begin_paused(connection, provider, now, now + PAUSE)
        return deleted

    async def reset_all(self) -> Deleted:
        """Resets all providers that have ever begun."""
        every = [await self.reset(name) for name in await ingestions.find_provider_names(self._database)]
        return Deleted(
            sum(one.ingestions for one in every), sum(one.marks for one in every), sum(one.entities for one in every)
        )

    async def forget_ended(self, provider: str) -> Deleted:
        """Deletes the ingestions of a provider that have ended, with their marks."""
        async with self._database.transaction() as connection:
            return await forget_ended(connection, provider)

    async def _nudge(self, provider: str) -> None:
        """Has the provider looked at now; a run that is under way, or one elsewhere, does so soon anyway."""
        if provider in self._installed:
            with suppress(ConflictError, NotFoundError):
                await self._scheduler.trigger_task(provider)
