"""When entities are put into their final form, what that is, and what goes with an entity."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from understage.catalog.config import read_catalog_config
from understage.catalog.database import stitching
from understage.config import ConfigError, config_from_data

Catalog = Any
Component = Callable[..., str]

WEB = "component:default/web"


async def queued(catalog: Catalog) -> list[str]:
    while await catalog.running.engine.process_due():
        pass
    rows = await catalog.database.fetch("SELECT entity_ref FROM stitch_queue ORDER BY entity_ref")
    return [row[0] for row in rows if not row[0].startswith("location:")]


async def make_due(catalog: Catalog) -> None:
    await catalog.database.execute("UPDATE refresh_state SET next_update_at = $1", datetime(2026, 1, 1, tzinfo=UTC))


async def test_what_changed_is_stitched(catalog: Catalog, make_component: Component) -> None:
    """K431: a change has the entity stitched, and those whose relations come or go by it, and nothing else."""
    parts = [make_component(name) for name in ("db", "cache", "other")]
    catalog.write("a.yaml", make_component("web", dependsOn=["component:db"]) + "".join(parts))
    await catalog.start("a.yaml")
    catalog.write("a.yaml", make_component("web", dependsOn=["component:cache"]) + "".join(parts))
    await make_due(catalog)
    due = [ref for ref in await queued(catalog) if ref.startswith("component:")]
    assert due == ["component:default/cache", "component:default/db", WEB]
    await catalog.settle()
    assert ("dependencyOf", WEB) in await catalog.relations("component:default/cache")
    assert ("dependencyOf", WEB) not in await catalog.relations("component:default/db")


async def test_a_stitch_that_changes_nothing_writes_nothing(catalog: Catalog, make_component: Component) -> None:
    """K466: an entity that is stitched again as it was keeps its row, with its time, and its index rows."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    before = await catalog.snapshot()
    async with catalog.database.transaction() as connection:
        await stitching.request_stitching(connection, [WEB, "component:default/unknown"], datetime.now(UTC))
    await catalog.settle()
    assert await catalog.snapshot() == before


async def test_the_final_form_has_everything(catalog: Catalog, make_component: Component) -> None:
    """K467: an entity is served as it was last processed with success, with orphan mark, errors and relations."""
    both = make_component("web", dependsOn=["component:db", "Component:default/DB"])
    catalog.write("a.yaml", both)
    catalog.write("b.yaml", make_component("db", dependencyOf=["component:web"]))
    await catalog.start("*.yaml", catalog={"orphanStrategy": "keep"})
    assert await catalog.relations(WEB) == [("dependsOn", "component:default/db"), ("ownedBy", "group:default/team")]
    catalog.write("a.yaml", make_component("web", owner=[]))
    await catalog.later()
    (item,) = (await catalog.get(WEB))["status"]["items"]
    assert (item["level"], item["type"]) == ("error", "backstage.io/catalog-processing")
    assert (await catalog.get(WEB))["spec"]["owner"] == "team"
    catalog.write("a.yaml", "# nothing")
    await catalog.later()
    found = await catalog.get(WEB)
    assert found["metadata"]["annotations"]["backstage.io/orphan"] == "true"
    assert ("dependsOn", "component:default/db") in await catalog.relations(WEB)


async def test_everything_goes_with_an_entity(catalog: Catalog, make_component: Component) -> None:
    """K501: of an entity that is removed no row is left in any table, but what waits for its name."""
    catalog.write("a.yaml", make_component("web", dependsOn=["component:db"]))
    catalog.write("b.yaml", make_component("db"))
    await catalog.start("a.yaml", "b.yaml")
    await catalog.start("b.yaml")
    for table, columns in {
        "refresh_state": "entity_ref",
        "refresh_state_references": "target_entity_ref",
        "relations": "source_entity_ref || target_entity_ref",
        "final_entities": "entity_ref || final_entity",
        "search": "value",
        "claims": "entity_ref",
        "stitch_queue": "entity_ref",
    }.items():
        rows = await catalog.database.fetch(f"SELECT {columns} FROM {table} WHERE {columns} LIKE '%/web%'")
        assert rows == [], table
    ids = {row[0] for row in await catalog.database.fetch("SELECT CAST(entity_id AS text) FROM refresh_state")}
    for table, column in {
        "search": "entity_id",
        "refresh_keys": "entity_id",
        "relations": "originating_entity_id",
    }.items():
        rows = await catalog.database.fetch(f"SELECT DISTINCT CAST({column} AS text) FROM {table}")
        assert {row[0] for row in rows} <= ids, table


def test_the_interval_of_looks_is_configured() -> None:
    """K512: `stitchingStrategy.pollingInterval` is how often it is looked for work, a second by default.

    deviation: `stitchTimeout` has no effect, since a stitch is one transaction, which its process cannot leave behind.
    """

    def poll_seconds(**strategy: Any) -> float:
        return read_catalog_config(config_from_data({"catalog": {"stitchingStrategy": strategy}})).poll_seconds

    assert poll_seconds() == 1
    assert poll_seconds(pollingInterval={"seconds": 5}, stitchTimeout="1 minute") == 5
    assert poll_seconds(pollingInterval={"milliseconds": 1}) == 0.05
    for key in ("pollingInterval", "stitchTimeout"):
        with pytest.raises(ConfigError, match=f"catalog.stitchingStrategy.{key}: not a duration"):
            poll_seconds(**{key: "soon"})
