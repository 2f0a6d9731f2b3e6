"""A burst: pages are taken until its time is over, or the source is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from understage.catalog_api import DeltaMutation, EntityProviderConnection
from understage.catalog_module_incremental_ingestion.added_providers import AddedProvider
from understage.catalog_module_incremental_ingestion.database import bursts, marks, seen
from understage.catalog_module_incremental_ingestion.fence import Fence, SteeredError
from understage.catalog_module_incremental_ingestion.naming import name_entities
from understage.catalog_module_incremental_ingestion.providers import SourcePage
from understage.catalog_module_incremental_ingestion.sweep import Sweep
from understage.errors import InputError
from understage.plugin_api import AbortSignal, LoggerService

Outcome = Literal["done", "interrupted", "taken over"]
"""Why a burst takes no more pages: the last one has come, its time is over, or somebody has steered the provider."""


class Burst:
    """Takes pages from where the last burst ended.

    A page is noted as taken after all that is on it is in the catalog: whatever ends the process before, the page is
    asked for again. What is in the catalog was noted as seen before, so nothing is in it that could not be removed.

    Args:
        added: the provider.
        fence: the burst's hold on its ingestion.
        connection: the provider's way into the catalog.
        events: held while an event is applied.
        logger: is told how it goes.
    """

    def __init__(
        self,
        added: AddedProvider,
        fence: Fence,
        connection: EntityProviderConnection,
        events: asyncio.Lock,
        logger: LoggerService,
    ) -> None:
        self._added = added
        self._fence = fence
        self._connection = connection
        self._sweep = Sweep(added.provider.name, added.options, fence, connection, events, logger)
        self._logger = logger

    async def run(self, signal: AbortSignal) -> Outcome:
        """Takes pages; returns why no more of them.

        Args:
            signal: asks to end after the page that is under way.

        Raises:
            InputError: a page cannot be used.
        """
        outcome: Outcome = "interrupted"
        async with self._added.provider.around() as context:
            # What is no failure of the provider does not pass through its clean-up as one.
            try:
                outcome = await self._take_pages(context, signal)
            except SteeredError:
                outcome = "taken over"
        return outcome

    async def _take_pages(self, context: Any, signal: AbortSignal) -> Outcome:
        last = await marks.find_last(self._fence.database, self._fence.ingestion_id)
        cursor = None if last is None else _decoded(last.cursor)
        sequence = 0 if last is None else last.sequence + 1
        clock = asyncio.get_running_loop().time
        end = clock() + self._added.options.burst_length.total_seconds()
        while True:
            page = await self._added.provider.next(context, cursor)
            text = self._encoded(page, sequence)
            await self._take(page, sequence, text)
            if page.done:
                return "done"
            if signal.aborted or clock() >= end:
                return "interrupted"
            cursor = _decoded(text)
            sequence += 1

    async def _take(self, page: SourcePage[Any], sequence: int, cursor: str | None) -> None:
        named = await asyncio.to_thread(name_entities, page.entities)
        async with self._fence.transaction() as connection:
            await seen.track(connection, self._added.provider.name, named.refs, self._fence.ingestion_id)
        problem = named.problem
        if problem is not None:
            problem = f"page {sequence}: {problem}"
            self._logger.warning(problem, ingestion=self._fence.ingestion_id)
        if named.entities:
            await self._connection.apply_mutation(DeltaMutation(named.entities))
        # Said last, a refusal is what is shown.
        problem = (await self._sweep.run() if page.done else None) or problem
        await self._note(page, sequence, cursor, problem)

    async def _note(self, page: SourcePage[Any], sequence: int, cursor: str | None, problem: str | None) -> None:
        ingestion_id, burst = self._fence.ingestion_id, self._fence.burst
        now = datetime.now(UTC)
        async with self._fence.transaction() as connection:
            await marks.insert(connection, ingestion_id, sequence, cursor, now)
            if problem is not None:
                await bursts.note(connection, ingestion_id, burst, problem)
            if page.done:
                await bursts.rest(connection, ingestion_id, burst, now, now + self._added.options.rest_length)

    def _encoded(self, page: SourcePage[Any], sequence: int) -> str | None:
        if page.cursor is None:
            if page.done:
                return None
            raise InputError(
                f"page {sequence} of the provider '{self._added.provider.name}' has no cursor and is not the last one; "
                "say where the next page begins, or that it is done"
            )
        try:
            return msgspec.json.encode(page.cursor).decode()
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the cursor of page {sequence} of the provider '{self._added.provider.name}' cannot be kept; it must "
                "be of JSON values",
                error,
            ) from error


def _decoded(cursor: str | None) -> Any:
    return None if cursor is None else msgspec.json.decode(cursor)
