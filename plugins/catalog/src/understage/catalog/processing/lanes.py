"""Lanes, in which work is done side by side: while one waits for the database, another one computes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LANES = 2
LONGEST_WITHOUT_STITCHING_SECONDS = 5.0
LONGEST_STITCHING_SECONDS = 1.0

DoBatch = Callable[[], Awaitable[int]]
"""Does a batch of work, if there is any; returns how many entities it was."""


class Lanes:
    """Does what is due, in all lanes at once.

    Args:
        process: processes a batch.
        stitch: stitches a batch.
        poll_seconds: how long a lane without work waits before it looks again.
    """

    def __init__(self, process: DoBatch, stitch: DoBatch, poll_seconds: float) -> None:
        self._process_batch = process
        self._stitch_batch = stitch
        self._poll_seconds = poll_seconds
        self._last_stitching = time.monotonic()
        self._at_work = 0
        self._is_over = False
        self._brought = asyncio.Event()

    def tell(self) -> None:
        """Has the lanes that wait look again; each waits for what comes after its own last look."""
        brought, self._brought = self._brought, asyncio.Event()
        brought.set()

    async def work(self) -> bool:
        """Processes until nothing is due, and stitches for a while; returns whether there was anything.

        While there is much to process, stitching waits, because what is processed next would often have it repeated.

        Raises:
            Exception: what the first lane that failed has raised; the others are cancelled.
        """
        self._is_over = False
        return bool(await _side_by_side(self._work))

    async def _work(self) -> int:
        """Processes and stitches in turns until there is neither to do; returns how many entities it was.

        Each lane goes over from the one to the other by itself: none waits until the others have finished theirs. When
        one has found nothing, the others end after their turn: what comes later is for all lanes again.
        """
        done = 0
        while not self._is_over:
            count = await self._process() + await self._stitch_for_a_while()
            done += count
            self._is_over |= not count
        return done

    async def _process(self) -> int:
        """Processes until nothing is due and no lane is at work; returns how many entities.

        A lane that finds nothing waits for what another one brings: a file in work may hold thousands of entities. The
        other one may also be kept waiting itself, by a slow reader, so new work is looked for meanwhile.
        """
        processed = 0
        while True:
            brought = self._brought
            # Counted from before it claims: who finds nothing because this lane is just taking all must wait for it.
            self._at_work += 1
            try:
                count = await self._process_batch()
            finally:
                self._at_work -= 1
            is_brought = brought.is_set()
            if count or not self._at_work:
                # Not whenever there was nothing: two lanes would keep each other looking.
                self.tell()
            processed += count
            if not (count or self._at_work):
                return processed
            if time.monotonic() - self._last_stitching > LONGEST_WITHOUT_STITCHING_SECONDS:
                await self._stitch()
            elif not (count or is_brought or await self._is_brought(self._brought)):
                await self._stitch_for_a_while()

    async def _is_brought(self, brought: asyncio.Event) -> bool:
        """Waits for something to process; returns whether there is likely to be any."""
        try:
            await asyncio.wait_for(brought.wait(), self._poll_seconds)
        except TimeoutError:
            return False
        return True

    async def _stitch(self) -> int:
        self._last_stitching = time.monotonic()
        return await self._stitch_batch()

    async def _stitch_for_a_while(self) -> int:
        """Stitches until nothing is queued, or the time has come to see what else is due; returns how many entities."""
        deadline = time.monotonic() + LONGEST_STITCHING_SECONDS
        stitched = 0
        while count := await self._stitch():
            stitched += count
            if time.monotonic() > deadline:
                break
        return stitched


async def _side_by_side(work: DoBatch) -> int:
    """Does the same work in all lanes; returns how many entities all have done."""

    async def lane() -> int:
        return await work()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(lane()) for _ in range(LANES)]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return sum(task.result() for task in tasks)
