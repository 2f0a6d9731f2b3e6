"""Work that is handed over in parts: bounded memory, nothing lost, the first failure ends it."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understage.catalog.processing import parts
from understage.catalog.processing.parts import run_in_parts


@settings(max_examples=60)
@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 12), st.integers(1, 5))
def test_every_result_is_handed_over_once(weights: list[int], part: int, at_once: int) -> None:
    """K405: all results come, each once; only the last call says that it is the last, and all before are full parts."""
    calls: list[tuple[list[int], bool]] = []

    async def run(one: int) -> int:
        await asyncio.sleep(0)
        return one

    async def store(results: list[int], is_last: bool) -> None:
        await asyncio.sleep(0)
        calls.append((results, is_last))

    asyncio.run(run_in_parts(weights, run, store, weight=lambda one: one, part=part, at_once=at_once))
    assert sorted(one for results, _ in calls for one in results) == sorted(weights)
    assert [is_last for _, is_last in calls] == [False] * (len(calls) - 1) + [True] * bool(calls)
    assert all(sum(results) >= part for results, _ in calls[:-1])
    assert all(sum(results[:-1]) < part for results, _ in calls), "more was handed over at once than makes a part"


async def test_what_waits_to_be_stored_is_bounded() -> None:
    """K405: while storing is slow, no more is run than about two parts and what is under way."""
    waiting = longest = 0

    async def run(one: int) -> int:
        nonlocal waiting, longest
        waiting += 1
        longest = max(longest, waiting)
        return one

    async def store(results: list[int], is_last: bool) -> None:
        nonlocal waiting
        await asyncio.sleep(0.002)
        waiting -= len(results)

    await run_in_parts(range(200), run, store, weight=lambda one: 1, part=5, at_once=3)
    assert longest <= 2 * (2 * 5 + 3)


async def test_what_is_ready_does_not_wait_for_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """K405: less than a part is handed over after a while, since one that still runs may take minutes."""
    monkeypatch.setattr(parts, "LONGEST_WAIT_SECONDS", 0.01)
    stored: list[int] = []
    is_stored = asyncio.Event()

    async def run(one: int) -> int:
        if one == 0:
            await is_stored.wait()
        return one

    async def store(results: list[int], is_last: bool) -> None:
        stored.extend(results)
        is_stored.set()

    running = run_in_parts(range(4), run, store, weight=lambda one: 1, part=100, at_once=3)
    await asyncio.wait_for(running, 30)
    assert stored == [1, 2, 3, 0]


@pytest.mark.parametrize("place", ["run", "store"])
async def test_a_failure_ends_it(place: str) -> None:
    """K408: what one run or the storing raises is raised as it is, and the others are cancelled."""
    cancelled = 0

    async def run(one: int) -> int:
        nonlocal cancelled
        if one == 1 and place == "run":
            raise ConnectionResetError("away")
        if one == 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
                raise
        return one

    async def store(results: list[int], is_last: bool) -> None:
        raise ConnectionResetError("away")

    with pytest.raises(ConnectionResetError, match="away"):
        await run_in_parts([0, 1, 2], run, store, weight=lambda one: 1, part=1, at_once=3)
    assert cancelled == 1


async def test_others_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """K405: runs that never wait leave the loop to others again and again; all of a batch pause together."""
    monkeypatch.setattr(parts, "LONGEST_ON_THE_LOOP_SECONDS", 0.0)
    turns = 0
    is_done = False

    async def other() -> None:
        nonlocal turns
        while not is_done:
            turns += 1
            await asyncio.sleep(0)

    async def run(one: int) -> int:
        time.sleep(0.0001)  # noqa: ASYNC251 - stands for work on the loop
        return one

    async def store(results: list[int], is_last: bool) -> None:
        pass

    watching = asyncio.create_task(other())
    await run_in_parts(range(50), run, store, weight=lambda one: 1, part=100, at_once=5)
    is_done = True
    await watching
    assert turns >= 10
