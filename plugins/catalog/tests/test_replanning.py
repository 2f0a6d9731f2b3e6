"""The machine's clock is set, by somebody or by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from understage.catalog.processing.pausing import LONGEST_PAUSE_FACTOR
from understage.catalog.processing.replanning import PLANNED_AHEAD, Replanning

Catalog = Any
Component = Callable[..., str]
LONGEST_PAUSE = timedelta(seconds=150)
TOLD = "The clock was set back, so entities are planned anew"


class Clocks:
    """A clock that is set, and one that is not."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.passed = 1000.0

    def go_on(self, passed: timedelta, set_by: timedelta = timedelta()) -> None:
        self.now += passed + set_by
        self.passed += passed.total_seconds()


async def plan(catalog: Catalog, at: datetime) -> None:
    await catalog.database.execute("UPDATE refresh_state SET next_update_at = $1", at)


async def planned(catalog: Catalog) -> datetime:
    rows = await catalog.database.fetch("SELECT DISTINCT next_update_at FROM refresh_state")
    [(at,)] = rows
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)


@pytest.fixture
async def clocks(catalog: Catalog, make_component: Component) -> Clocks:
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    return Clocks()


def replanning(catalog: Catalog, clocks: Clocks) -> Replanning:
    return Replanning(
        catalog.database, catalog.logs, LONGEST_PAUSE, clock=lambda: clocks.now, monotonic=lambda: clocks.passed
    )


async def test_the_clock_is_set_back(catalog: Catalog, clocks: Clocks) -> None:
    """K406: when the clock is set back by a day, entities are due at once, not after the day; it is told once."""
    following = replanning(catalog, clocks)
    await following.follow_clock()
    await plan(catalog, clocks.now + LONGEST_PAUSE)
    clocks.go_on(timedelta(seconds=1), set_by=-timedelta(days=1))
    await following.follow_clock()
    await following.follow_clock()
    assert await planned(catalog) == clocks.now
    assert catalog.logs.problems() == [TOLD]


@pytest.mark.parametrize(
    "set_by", [timedelta(days=1), timedelta(), -timedelta(seconds=1)], ids=["ahead", "not", "a bit"]
)
async def test_other_times_leave_the_plan_alone(catalog: Catalog, clocks: Clocks, set_by: timedelta) -> None:
    """K406: a clock that is set ahead, corrected by a little, or goes on while nobody looks, moves nothing."""
    following = replanning(catalog, clocks)
    await following.follow_clock()
    far = clocks.now + timedelta(days=3)
    await plan(catalog, far)
    clocks.go_on(timedelta(hours=1), set_by=set_by)
    await following.follow_clock()
    assert await planned(catalog) == far
    assert catalog.logs.problems() == []


async def test_it_was_set_back_before_the_start(catalog: Catalog, clocks: Clocks) -> None:
    """K406: a process that starts finds what was planned by a clock ahead of its own, but not what only waits long."""
    assert LONGEST_PAUSE * LONGEST_PAUSE_FACTOR < PLANNED_AHEAD
    longest = clocks.now + PLANNED_AHEAD
    await plan(catalog, longest)
    await replanning(catalog, clocks).follow_clock()
    assert await planned(catalog) == longest
    await plan(catalog, longest + timedelta(seconds=1))
    await replanning(catalog, clocks).follow_clock()
    assert await planned(catalog) == clocks.now


async def test_the_database_is_away_at_that_moment(
    catalog: Catalog, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K408: what could not be planned anew is so at the next attempt."""
    following = replanning(catalog, clocks)
    await following.follow_clock()
    await plan(catalog, clocks.now + LONGEST_PAUSE)
    clocks.go_on(timedelta(seconds=1), set_by=-timedelta(days=1))

    async def away(*arguments: Any) -> int:
        raise ConnectionResetError("away")

    with monkeypatch.context() as patched:
        patched.setattr("understage.catalog.processing.replanning.move_up", away)
        with pytest.raises(ConnectionResetError):
            await following.follow_clock()
    await following.follow_clock()
    assert await planned(catalog) == clocks.now
