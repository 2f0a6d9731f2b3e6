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


async def test_one_more_is_run_for_each_that_is_taken() -> None:
    """K405: while much is stored, the next ones are run: not all wait until nearly all are stored."""
    begun = 0
    seen: list[int] = []

    async def run(one: int) -> int:
        nonlocal begun
        begun += 1
        return one

    async def store(results: list[int], is_last: bool) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        seen.append(begun)

    await run_in_parts(range(12), run, store, weight=lambda one: 10, part=5, at_once=4)
    assert seen == [5, 6, 7, 8, 9, 10, 11, *[12] * 5]


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_parts_are_stored_side_by_side_and_the_last_one_alone(most: int) -> None:
    """K405: as many parts are stored at the same time as may be; the last one waits for all others."""
    under_way: set[int] = set()
    seen: list[tuple[int, bool]] = []

    async def run(one: int) -> int:
        await asyncio.sleep(0)
        return one

    async def store(results: list[int], is_last: bool) -> None:
        under_way.update(results)
        seen.append((len(under_way), is_last))
        await asyncio.sleep(0.005)
        under_way.difference_update(results)

    await run_in_parts(range(9), run, store, weight=lambda one: 1, part=1, at_once=3, stored_at_once=most)
    assert max(count for count, _ in seen) == most
    assert seen[-1] == (1, True)
    assert len(seen) == 9


async def test_a_failing_part_ends_what_is_stored_beside_it() -> None:
    """K408: when one of two parts cannot be stored, the other one is cancelled, and the error is raised as it is."""
    ended: list[str] = []

    async def run(one: int) -> int:
        return one

    async def store(results: list[int], is_last: bool) -> None:
        if results == [1]:
            raise ConnectionResetError("away")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(ConnectionResetError, match="away"):
        await run_in_parts(range(4), run, store, weight=lambda one: 1, part=1, at_once=1, stored_at_once=2)
    assert ended == ["cancelled"]


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
