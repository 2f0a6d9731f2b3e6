import asyncio
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from understage.wiring.start import progress as progress_module
from understage.wiring.start.progress import StartProgress, intervals

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


def test_intervals_grow_like_fibonacci_numbers() -> None:
    """W54: the first entry comes after a second, then ever later, at most a minute apart."""
    assert list(islice(intervals(), 13)) == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 60, 60, 60]


async def test_progress_lists_both_sides(world: "World") -> None:
    """W54: an entry lists what is newly initialised since the last one, and what still initialises."""
    progress = StartProgress(world.logger, ["a", "b", "c"])
    progress.done("b")
    progress.tell_once()
    progress.done("a")
    progress.tell_once()
    assert [metadata for _, _, metadata in world.logger.entries] == [
        {"newly_initialized": ["b"], "still_initializing": ["a", "c"]},
        {"newly_initialized": ["a"], "still_initializing": ["c"]},
    ]


async def test_a_hanging_plugin_is_told_and_waited_for(world: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    """W54: no timeout ends a start; progress is logged until the last plugin has settled, and then no more."""
    monkeypatch.setattr(progress_module, "intervals", lambda: iter([0.005] * 1000))

    async def hangs() -> None:
        await asyncio.sleep(0.05)

    await world.backend(world.plugin("quick"), world.plugin("slow", hangs)).start()
    told = [metadata for _, message, metadata in world.logger.entries if "in progress" in message]
    assert len(told) >= 3
    assert told[0] == {"type": "initialization", "newly_initialized": ["quick"], "still_initializing": ["slow"]}
    assert told[1]["newly_initialized"] == []
    count = len(told)
    await asyncio.sleep(0.02)
    assert len([message for _, message, _ in world.logger.entries if "in progress" in message]) == count


async def test_a_quick_start_tells_nothing(world: "World") -> None:
    """W54: a start that takes less than a second logs no progress."""
    await world.backend(world.plugin("a")).start()
    assert not [message for _, message, _ in world.logger.entries if "in progress" in message]
