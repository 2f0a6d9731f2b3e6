"""The end of an ingestion: what a source has no longer is removed, unless too much would go."""

from __future__ import annotations

import asyncio

from understage.catalog_api import DeltaMutation, EntityProviderConnection
from understage.catalog_module_incremental_ingestion.database import seen
from understage.catalog_module_incremental_ingestion.fence import Fence
from understage.catalog_module_incremental_ingestion.options import IncrementalOptions
from understage.plugin_api import LoggerService


class Sweep:
    """Removes what an ingestion has not seen.

    Args:
        provider: the provider's name.
        options: when removals are refused.
        fence: tells whether the burst still goes on.
        connection: the provider's way into the catalog.
        events: held while an event is applied: what it brings must not be taken for gone.
        logger: is told what is removed or refused.
    """

    def __init__(
        self,
        provider: str,
        options: IncrementalOptions,
        fence: Fence,
        connection: EntityProviderConnection,
        events: asyncio.Lock,
        logger: LoggerService,
    ) -> None:
        self._provider = provider
        self._options = options
        self._fence = fence
        self._connection = connection
        self._events = events
        self._logger = logger

    async def run(self) -> str | None:
        """Removes what was not seen; returns why not, if that was refused.

        Raises:
            SteeredError: the ingestion was taken over.
        """
        total, gone = await seen.count(self._fence.database, self._provider, self._fence.ingestion_id)
        refusal = self._refusal(total, gone)
        if refusal is not None:
            self._logger.error(refusal, ingestion=self._fence.ingestion_id)
            return refusal
        if gone:
            self._logger.info("Removing what the source has no longer", count=gone, seen=total)
            await self._remove()
        return None

    def _refusal(self, total: int, gone: int) -> str | None:
        if total == 0 and self._options.reject_empty_source_collections:
            return (
                f"Nothing was found in the source, so none of the {gone} entities from before is removed "
                "(reject_empty_source_collections)"
            )
        limit = self._options.reject_removals_above_percentage
        if not gone or limit is None:
            return None
        percentage = gone / total * 100 if total else 100.0
        if percentage <= limit:
            return None
        return (
            f"REMOVAL_THRESHOLD exceeded: {gone} entities would be removed and {total} were found, which is "
            f"{percentage:.4g}%; more than {limit:g}% are not removed (reject_removals_above_percentage)"
        )

    async def _remove(self) -> None:
        ingestion_id, last = self._fence.ingestion_id, ""
        while True:
            async with self._events:
                refs = await seen.find_gone(self._fence.database, self._provider, ingestion_id, last)
                if not refs:
                    return
                await self._fence.check()
                await self._connection.apply_mutation(DeltaMutation(removed=refs))
                async with self._fence.transaction() as connection:
                    await seen.forget_gone(connection, self._provider, ingestion_id, refs)
            last = refs[-1]
