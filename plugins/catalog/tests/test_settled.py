"""Entities whose processing follows from their content alone are not run through the processors every time."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from understage.catalog.database.lineage import schedule
from understage.catalog.processing import engine as engine_module
from understage.catalog_api import CatalogProcessor, EntityJson

Catalog = Any
Component = Callable[..., str]


class Counting(CatalogProcessor):
    """Counts its runs, and says whether it asks others."""

    def __init__(self, *, asks: bool) -> None:
        self.asks = asks
        self.runs: Counter[str] = Counter()

    def depends_only_on(self, entity: EntityJson) -> bool:
        return not self.asks

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        self.runs[entity["metadata"]["name"]] += 1
        return False


@pytest.fixture(autouse=True)
def always_skipping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "SKIPPED_SHARE", 1.0)


async def start(catalog: Catalog, processor: CatalogProcessor) -> None:
    await catalog.start("a.yaml", processors=[processor])
    catalog.running.engine._skips_from = 0.0


async def test_what_follows_from_the_content_is_not_computed_again(catalog: Catalog, make_component: Component) -> None:
    """K406: if no processor asks others, an entity is due again and again, but only run when it has changed.

    deviation: upstream runs every entity through all processors every time; here it is one time in five.
    """
    counting = Counting(asks=False)
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await start(catalog, counting)
    await catalog.later()
    assert counting.runs["web"] == counting.runs["db"] == 1
    catalog.write("a.yaml", make_component("web", owner="new") + make_component("db"))
    await catalog.later()
    assert (counting.runs["web"], counting.runs["db"]) == (2, 1)
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/new")]


async def test_who_asks_others_is_run_every_time(catalog: Catalog, make_component: Component) -> None:
    """K405: a processor that does not say otherwise may ask others, so it is run whenever the interval has passed."""
    counting = Counting(asks=True)
    catalog.write("a.yaml", make_component("web"))
    await start(catalog, counting)
    for expected in (2, 3):
        await catalog.later()
        assert counting.runs["web"] == expected


async def test_a_refresh_by_hand_always_runs(catalog: Catalog, make_component: Component) -> None:
    """K406: somebody who asks for an entity to be looked at has it run through the processors."""
    counting = Counting(asks=False)
    catalog.write("a.yaml", make_component("web"))
    await start(catalog, counting)
    await schedule(catalog.database, ["component:default/web"], datetime.now(UTC))
    await catalog.settle()
    assert counting.runs["web"] == 2


async def test_after_a_start_everything_runs_once(catalog: Catalog, make_component: Component) -> None:
    """K406: a new process may have other processors, or others of the same name: it runs what an old one settled."""
    counting = Counting(asks=False)
    catalog.write("a.yaml", make_component("web"))
    await start(catalog, counting)
    await catalog.start("a.yaml", processors=[counting])
    await catalog.later()
    assert counting.runs["web"] == 2


async def test_what_fails_is_run_again(catalog: Catalog, make_component: Component) -> None:
    """K408: an entity with errors is not settled: what was wrong may be right the next time."""
    counting = Counting(asks=False)
    catalog.write("a.yaml", make_component("web", dependsOn=["no-kind"]))
    await start(catalog, counting)
    before = counting.runs["web"]
    await catalog.later()
    assert counting.runs["web"] == before + 1
