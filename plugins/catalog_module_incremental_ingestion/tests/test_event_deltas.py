"""What events change between two rounds, and during one."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.catalog_api import DeferredEntity, DeltaMutation, Removal
from understage.errors import InputError
from understage.plugin_api import Event

Ingest = Callable[..., Any]
Refs = Callable[..., list[str]]
Make = Callable[..., DeferredEntity]


class Handler:
    """Changes what it was told to."""

    def __init__(self, delta: DeltaMutation | None) -> None:
        self.delta = delta

    def event_topics(self) -> list[str]:
        return ["source.changed"]

    async def on_event(self, event: Event) -> DeltaMutation | None:
        return self.delta


EVENT = Event("source.changed", {})


async def test_an_event_brings_and_removes(ingest: Ingest, make_refs: Refs, make_entity: Make) -> None:
    """K550: what an event brings is kept as long as the next round sees it; what it removes is forgotten."""
    ingested = ingest("a b")
    await ingested.tick()
    delta = DeltaMutation([make_entity("c"), make_entity("d")], [Removal("Component:default/B"), *make_refs("c")])
    await ingested.deltas(Handler(delta)).take(EVENT)
    assert ingested.catalog.mutations[-1].removed == delta.removed
    rows = await ingested.database.fetch("SELECT entity_ref FROM incremental_entities ORDER BY entity_ref")
    assert [row[0] for row in rows] == make_refs("a", "c", "d")
    ingested.source.pages = [["a", "c"]]
    await ingested.later()
    assert "component:default/d" not in ingested.names


async def test_an_event_during_a_round_counts_as_seen(ingest: Ingest, make_refs: Refs, make_entity: Make) -> None:
    """K550: what an event brings while a round is under way is not removed at its end, whatever page it is on."""
    ingested = ingest("a", "b")
    deltas = ingested.deltas(Handler(DeltaMutation([make_entity("new")])))

    async def event(number: int) -> None:
        if number == 1:
            await deltas.take(EVENT)

    ingested.source.before = event
    await ingested.tick()
    assert ingested.names == make_refs("a", "b", "new")


async def test_an_event_before_the_first_round(ingest: Ingest, make_refs: Refs, make_entity: Make) -> None:
    """K550: what an event brings between two rounds has to be seen by the next one.

    deviation: upstream such entities are never removed.
    """
    ingested = ingest("a")
    await ingested.deltas(Handler(DeltaMutation([make_entity("new")]))).take(EVENT)
    assert ingested.names == make_refs("new")
    await ingested.tick()
    assert ingested.names == make_refs("a")


async def test_an_event_that_changes_nothing(ingest: Ingest, make_entity: Make) -> None:
    """K550: events may be ignored; entities that cannot be named are left out; bad refs are told."""
    ingested = ingest("a")
    await ingested.deltas(Handler(None)).take(EVENT)
    assert ingested.catalog.mutations == []
    await ingested.deltas(Handler(DeltaMutation([make_entity("x", metadata={})]))).take(EVENT)
    assert ingested.names == []
    (message,) = ingested.logs.messages("warning")
    assert "metadata.name must be a text and not empty" in message
    with pytest.raises(InputError, match="has no kind"):
        await ingested.deltas(Handler(DeltaMutation(removed=["nothing"]))).take(EVENT)
