"""Rounds through a source: bursts, waits, and what is removed at the end."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from understage.catalog_api import DeferredEntity
from understage.catalog_module_incremental_ingestion import IncrementalOptions, SourcePage
from understage.catalog_module_incremental_ingestion.added_providers import AddedProviders
from understage.errors import ConflictError, InputError
from understage.plugin_api import AbortController

Ingest = Callable[..., Any]
Refs = Callable[..., list[str]]
AT_ONCE = timedelta()


async def test_a_round_brings_all_pages_and_the_next_one_removes_what_is_gone(ingest: Ingest, make_refs: Refs) -> None:
    """K550: entities come with their page; after the rest, what was not seen again is removed at the end."""
    ingested = ingest("a b", "c", "d")
    await ingested.tick()
    assert ingested.names == make_refs("a", "b", "c", "d")
    assert [len(one.added) for one in ingested.catalog.mutations] == [2, 1, 1]
    assert await ingested.cursors() == ['{"page":1}', '{"page":2}', '{"page":3}']
    first = await ingested.ingestion()
    assert first.status == "resting"
    assert timedelta(minutes=59) < first.next_action_at - datetime.now(UTC) <= timedelta(hours=1)
    ingested.source.pages = [["a"], ["d", "e"]]
    await ingested.tick()
    assert ingested.source.asked == [0, 1, 2]
    await ingested.later()
    assert ingested.names == make_refs("a", "d", "e")
    assert (await ingested.ingestion()).id != first.id
    assert ingested.logs.of("error") == []


async def test_a_burst_ends_after_its_time(ingest: Ingest, make_refs: Refs) -> None:
    """K550: when the time of a burst is over, the next one goes on at the cursor after the interval, on any replica."""
    ingested = ingest("a", "b", "c", burst_length=AT_ONCE)
    await ingested.tick()
    ingestion = await ingested.ingestion()
    assert (ingestion.status, ingestion.next_action) == ("interstitial", "ingest")
    assert timedelta(seconds=50) < ingestion.next_action_at - datetime.now(UTC) <= timedelta(minutes=1)
    await ingested.tick()
    assert ingested.source.asked == [0]
    await ingested.later()
    assert (ingested.source.asked, ingested.names) == ([0, 1], make_refs("a", "b"))
    await ingested.later()
    assert (ingested.source.asked, ingested.source.bursts) == ([0, 1, 2], 3)
    assert (await ingested.ingestion()).status == "resting"


async def test_a_signal_ends_a_burst_after_its_page(ingest: Ingest) -> None:
    """K550: a burst that is asked to stop keeps the page that is under way."""
    ingested = ingest("a", "b")
    controller = AbortController()

    async def stop(number: int) -> None:
        controller.abort("shutdown")

    ingested.source.before = stop
    await ingested.tick(controller.signal)
    assert await ingested.cursors() == ['{"page":1}']


async def test_failures_back_off(ingest: Ingest, make_refs: Refs) -> None:
    """K550: what a provider raises is shown; the same page is asked for again after the times of the list."""
    minutes = [timedelta(minutes=number) for number in (1, 5, 30)]
    ingested = ingest("a", "b", backoff=minutes)

    async def fail(number: int) -> None:
        if number == 1:
            raise ValueError("the source is down")

    ingested.source.before = fail
    waits = []
    await ingested.tick()
    for _ in range(4):
        ingestion = await ingested.ingestion()
        assert (ingestion.status, ingestion.last_error) == ("backing off", "ValueError: the source is down")
        waits.append(round((ingestion.next_action_at - ingestion.waits_since).total_seconds() / 60))
        await ingested.tick()
        await ingested.later()
    assert waits == [1, 5, 30, 30]
    assert ingested.source.asked == [0, 1, 1, 1, 1, 1]
    ingested.source.before = None
    await ingested.later()
    ingestion = await ingested.ingestion()
    assert (ingestion.status, ingestion.attempts) == ("resting", 0)
    assert ingested.names == make_refs("a", "b")
    messages = ingested.logs.messages("error")
    assert messages[:3] == [f"A burst has failed, the next one is tried in {wait}" for wait in minutes]


async def test_a_good_burst_forgets_the_failures_before_it(ingest: Ingest) -> None:
    """K550: the list of waits begins anew after a burst that went well."""
    ingested = ingest("a", "b", "c", burst_length=AT_ONCE)
    failing = [True, True, False, True]

    async def fail(number: int) -> None:
        if failing.pop(0):
            raise ValueError("x")

    ingested.source.before = fail
    await ingested.tick()
    attempts = [(await ingested.ingestion()).attempts]
    for _ in range(3):
        await ingested.later()
        attempts.append((await ingested.ingestion()).attempts)
    assert attempts == [1, 2, 0, 1]


async def test_a_cursor_is_the_same_within_a_burst_and_after_it(ingest: Ingest) -> None:
    """K550: a cursor comes back as the database keeps it, also where the burst goes on."""
    ingested = ingest("")
    cursors: list[Any] = []

    async def next_page(context: str, cursor: Any) -> SourcePage[Any]:
        cursors.append(cursor)
        return SourcePage(cursor=(len(cursors), "x"), done=len(cursors) == 3)

    ingested.source.next = next_page
    await ingested.tick()
    assert cursors == [None, [1, "x"], [2, "x"]]


async def test_a_page_that_takes_too_long_backs_off(ingest: Ingest) -> None:
    """K550: a burst whose time is up in the middle of a page has failed, and says so."""
    ingested = ingest("a")
    controller = AbortController()
    waiting = asyncio.Event()

    async def hang(number: int) -> None:
        waiting.set()
        await asyncio.sleep(60)

    ingested.source.before = hang
    tick = asyncio.create_task(ingested.tick(controller.signal))
    await waiting.wait()
    controller.abort("timeout")
    tick.cancel()
    await tick
    ingestion = await ingested.ingestion()
    assert ingestion.status == "backing off"
    assert "has not come within the 0:00:30 of a burst and a minute" in ingestion.last_error


async def test_a_process_that_stops_does_not_back_off(ingest: Ingest) -> None:
    """K550: a burst that ends with its process is taken up by the next one at once."""
    ingested = ingest("a", "b")
    waiting = asyncio.Event()

    async def hang(number: int) -> None:
        if number == 1:
            waiting.set()
            await asyncio.sleep(60)

    ingested.source.before = hang
    tick = asyncio.create_task(ingested.tick())
    await waiting.wait()
    tick.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tick
    assert (await ingested.ingestion()).status == "bursting"
    ingested.source.before = None
    await ingested.tick()
    assert ingested.source.asked == [0, 1, 1]
    assert (await ingested.ingestion()).status == "resting"


async def test_too_many_removals_are_refused(ingest: Ingest, make_refs: Refs) -> None:
    """K550: above the percentage of what was found nothing is removed, which is shown; a later round does it."""
    ingested = ingest("a b c d e", reject_removals_above_percentage=30)
    await ingested.tick()
    ingested.source.pages = [["a", "b", "c", "f"]]
    await ingested.later()
    assert ingested.names == make_refs("a", "b", "c", "d", "e", "f")
    ingestion = await ingested.ingestion()
    assert ingestion.status == "resting"
    refusal = (
        "REMOVAL_THRESHOLD exceeded: 2 entities would be removed and 4 were found, which is 50%; more than 30% are not "
        "removed (reject_removals_above_percentage)"
    )
    assert ingestion.last_error == refusal
    assert ingested.logs.messages("error") == [refusal]
    ingested.source.pages = [["a", "b", "c", "d", "g", "h"]]
    await ingested.later()
    assert (await ingested.ingestion()).last_error is not None
    ingested.source.pages = [["a", "b", "c", "d", "f", "g", "h"]]
    await ingested.later()
    assert ingested.names == make_refs("a", "b", "c", "d", "f", "g", "h")
    assert (await ingested.ingestion()).last_error is None


async def test_as_many_removals_as_the_percentage_says_are_allowed(ingest: Ingest, make_refs: Refs) -> None:
    """K550: exactly the percentage may go."""
    ingested = ingest("a b c", reject_removals_above_percentage=50)
    await ingested.tick()
    ingested.source.pages = [["a", "b"]]
    await ingested.later()
    assert ingested.names == make_refs("a", "b")


async def test_removing_all_is_more_than_any_percentage_below_100(ingest: Ingest, make_refs: Refs) -> None:
    """K550: where nothing was found, the removals count as 100 percent; with nothing to remove, nothing is refused."""
    ingested = ingest("", reject_removals_above_percentage=99)
    await ingested.tick()
    assert (await ingested.ingestion()).last_error is None
    ingested.source.pages = [["a"]]
    await ingested.later()
    ingested.source.pages = []
    await ingested.later()
    assert ingested.names == make_refs("a")
    assert "which is 100%" in (await ingested.ingestion()).last_error


async def test_an_empty_source_is_refused(ingest: Ingest, make_refs: Refs) -> None:
    """K550: a source in which nothing was found removes nothing if the options say so, which is shown."""
    ingested = ingest("a", reject_empty_source_collections=True)
    await ingested.tick()
    ingested.source.pages = []
    await ingested.later()
    assert ingested.names == make_refs("a")
    assert "Nothing was found in the source" in (await ingested.ingestion()).last_error
    ingested.options = IncrementalOptions(burst_length=AT_ONCE, burst_interval=AT_ONCE, rest_length=AT_ONCE)
    await ingested.later()
    assert ingested.names == []


async def test_many_entities_are_removed_in_pieces(ingest: Ingest) -> None:
    """K550: however many are gone, they are removed, some at a time."""
    ingested = ingest(" ".join(f"n{number}" for number in range(2500)))
    await ingested.tick()
    ingested.source.pages = [["n0"]]
    await ingested.later()
    assert ingested.names == ["component:default/n0"]
    assert [len(one.removed) for one in ingested.catalog.mutations if one.removed] == [1000, 1000, 499]
    ((count,),) = await ingested.database.fetch("SELECT count(*) FROM incremental_entities")
    assert count == 1


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"metadata": {}}, "metadata.name must be a text and not empty"),
        ({"metadata": {"name": 7}}, "metadata.name must be a text and not empty"),
        ({"metadata": None}, "metadata must be an object"),
        ({"kind": ""}, "kind must be a text and not empty"),
        ({"metadata": {"name": "a\0"}}, "metadata.name must be of characters that can be stored"),
        ({"metadata": {"name": "\ud800"}}, "metadata.name must be of characters that can be stored"),
    ],
)
async def test_an_entity_without_a_name_is_left_out(
    ingest: Ingest, make_refs: Refs, make_entity: Callable[..., DeferredEntity], broken: Any, problem: str
) -> None:
    """K550: what cannot be named is shown and left out; the rest of its page comes in.

    deviation: upstream the burst fails, and goes on after the page, all of which is missing.
    """
    ingested = ingest("", "c")
    ingested.source.pages[0] = [make_entity("a"), make_entity("x", **broken), make_entity("b")]
    await ingested.tick()
    assert ingested.names == make_refs("a", "b", "c")
    ingestion = await ingested.ingestion()
    assert ingestion.status == "resting"
    assert ingestion.last_error.startswith(f"page 0: left out an entity: {problem}, in {{'apiVersion'")
    assert ingested.logs.messages("warning") == [ingestion.last_error]


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (SourcePage(), "page 0 of the provider 'source' has no cursor and is not the last one"),
        (SourcePage(cursor=object()), "the cursor of page 0 of the provider 'source' cannot be kept"),
    ],
)
async def test_a_page_needs_a_cursor_of_json(ingest: Ingest, page: SourcePage[Any], problem: str) -> None:
    """K550: a page that does not say where the next one begins would have the source begin again and again."""
    ingested = ingest("")
    ingested.source.pages = [page]
    await ingested.tick()
    ingestion = await ingested.ingestion()
    assert ingestion.status == "backing off"
    assert problem in ingestion.last_error


async def test_a_clock_that_is_set_back_prolongs_no_wait(ingest: Ingest) -> None:
    """K550: where a wait seems to begin in the future, it begins anew and is as long as it was to be."""
    ingested = ingest("a")
    await ingested.tick()
    year = timedelta(days=365)
    resting = await ingested.ingestion()
    await ingested.database.execute(
        "UPDATE incremental_ingestions SET waits_since = $1, next_action_at = $2",
        *(resting.waits_since + year, resting.next_action_at + year),
    )
    await ingested.tick()
    left = (await ingested.ingestion()).next_action_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert ingested.source.asked == [0]


async def test_begins_and_ends_are_measured(ingest: Ingest) -> None:
    """K550: gauges tell when an ingestion has begun, and when it was completed or failed."""
    ingested = ingest("a", "b")

    async def fail(number: int) -> None:
        ingested.source.before = None
        raise ValueError("x")

    ingested.source.before = fail
    await ingested.tick()
    await ingested.later()
    started = ingested.metrics.measurements("catalog_incremental.ingestions.started")
    assert [one.attributes for one in started] == [{"providerName": "source"}]
    assert abs(started[0].value - time.time()) < 60
    completed = ingested.metrics.measurements("catalog_incremental.ingestions.completed")
    assert [(one.attributes or {})["status"] for one in completed] == ["failed", "completed"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"burst_length": 5}, "the option burst_length is 5; it must be a timedelta from zero to a century"),
        ({"rest_length": timedelta(-1)}, "the option rest_length is"),
        ({"burst_interval": timedelta(days=99_999)}, "the option burst_interval is"),
        ({"backoff": []}, "the option backoff is empty"),
        ({"backoff": [timedelta(1), 3]}, "the option backoff is 3"),
        ({"reject_removals_above_percentage": 0}, "must be above 0, or None for no limit"),
    ],
)
def test_options_are_checked(options: dict[str, Any], problem: str) -> None:
    """K550: options that cannot be used name the option and what it must be."""
    good = {"burst_length": AT_ONCE, "burst_interval": AT_ONCE, "rest_length": AT_ONCE}
    with pytest.raises(InputError, match=problem):
        IncrementalOptions(**{**good, **options})


def test_a_name_is_taken_once(make_source: Any) -> None:
    """K550: two incremental providers of one name are an error that names both."""
    added = AddedProviders()
    options = IncrementalOptions(burst_length=AT_ONCE, burst_interval=AT_ONCE, rest_length=AT_ONCE)
    added.add_provider(make_source(), options)
    with pytest.raises(ConflictError, match="the incremental provider 'source' is added twice"):
        added.add_provider(make_source(), options)
