"""Runs many things of which some give much: several at once, and what is ready is handed over in parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LONGEST_ON_THE_LOOP_SECONDS = 0.001
LONGEST_WAIT_SECONDS = 1.0
"""So long what is ready waits for more; then it is handed over, since what still runs may take minutes."""


async def run_in_parts(
    todo: Iterable[T],
    run: Callable[[T], Awaitable[R]],
    store: Callable[[list[R], bool], Awaitable[None]],
    *,
    weight: Callable[[R], int],
    part: int,
    at_once: int,
    stored_at_once: int = 1,
) -> None:
    """Runs things, and hands over what is ready while the others run on.

    Args:
        todo: what to run.
        run: runs one.
        store: takes results, and whether these are the last ones; it is called at least once if there is anything.
        weight: how much a result is.
        part: how much is handed over at once, unless there is less for a while. Whoever has run something goes on when
            less than twice as much waits up to it: so one runs for each that is taken, not all when all are taken.
        at_once: how many run side by side.
        stored_at_once: how many parts are handed over side by side; the last one comes alone.

    Raises:
        Exception: what the first one that failed has raised; the others are cancelled.
    """
    rest = list(todo)
    if not rest:
        return
    work = _Work(rest, run, weight, part)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(rest))):
                group.create_task(work.run())
            storing: set[asyncio.Task[None]] = set()
            is_last = False
            while not is_last:
                await _all_but(stored_at_once - 1, storing)
                results, is_last = await work.take()
                if is_last:
                    await _all_but(0, storing)
                storing.add(group.create_task(_handed_over(store, results, is_last)))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _handed_over(store: Callable[[list[R], bool], Awaitable[None]], results: list[R], is_last: bool) -> None:
    await store(results, is_last)


async def _all_but(most: int, tasks: set[asyncio.Task[None]]) -> None:
    """Waits until at most so many of the tasks are under way, and removes those that are done."""
    while len(tasks) > most:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        tasks -= done


class _Work(Generic[T, R]):
    """What is still to be run, and what is ready."""

    def __init__(self, todo: list[T], run: Callable[[T], Awaitable[R]], weight: Callable[[R], int], part: int) -> None:
        self._todo = iter(todo)
        self._missing = len(todo)
        self._run = run
        self._weigh = weight
        self._part = part
        self._ready: list[R] = []
        self._weight = 0
        self._taken = 0
        self._changed = asyncio.Condition()
        self._breath = time.monotonic()
        self._pause: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Runs one thing after the other, until none is left."""
        for one in self._todo:
            result = await self._run(one)
            self._ready.append(result)
            self._weight += self._weigh(result)
            self._missing -= 1
            if self._weight >= self._part or not self._missing:
                await self._hand_over(self._taken + self._weight)
            if time.monotonic() - self._breath > LONGEST_ON_THE_LOOP_SECONDS:
                await self._breathe()

    async def _breathe(self) -> None:
        """Lets others on the loop. All that run side by side pause together, or their turns would add up."""
        if self._pause is None:
            loop = asyncio.get_running_loop()
            self._pause = loop.create_future()
            loop.call_soon(self._go_on)
        await self._pause

    def _go_on(self) -> None:
        self._breath = time.monotonic()
        pause, self._pause = self._pause, None
        if pause is not None and not pause.done():
            pause.set_result(None)

    async def _hand_over(self, through: int) -> None:
        async with self._changed:
            self._changed.notify_all()
            await self._changed.wait_for(lambda: through - self._taken < 2 * self._part or not self._missing)

    async def _is_whole(self) -> bool:
        """Waits for a part; returns False if that takes too long."""
        try:
            # Not by wait_for(), which forgets in Python 3.11 that it was cancelled when the part is whole just then.
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                return await self._changed.wait_for(lambda: self._weight >= self._part or not self._missing)
        except TimeoutError:
            return False

    async def take(self) -> tuple[list[R], bool]:
        """Waits for a part, or for less of one after a while; returns it, and whether it is the last one."""
        async with self._changed:
            while not await self._is_whole() and not self._ready:
                pass
            results = self._next_part()
            self._changed.notify_all()
            return results, not self._missing and not self._ready

    def _next_part(self) -> list[R]:
        """Removes as many of the results that are ready as make a part; some may be far more than a part already."""
        weight = count = 0
        while count < len(self._ready) and weight < self._part:
            weight += self._weigh(self._ready[count])
            count += 1
        results, self._ready = self._ready[:count], self._ready[count:]
        self._weight -= weight
        self._taken += weight
        return results
