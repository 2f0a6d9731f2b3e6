"""What is served is compared with what it is made of: a proof in the background that nothing is stale."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.catalog.database.counts import find_miscounts
from understage.catalog.processing import reconciling
from understage.catalog.query.key_numbers import key_number

Catalog = Any
Component = Callable[..., str]


@pytest.fixture
async def filled(catalog: Catalog, make_component: Component) -> Catalog:
    names = [f"c{number}" for number in range(7)]
    catalog.write("a.yaml", "".join(make_component(name, dependsOn=[f"component:{names[0]}"]) for name in names[1:]))
    catalog.write("b.yaml", make_component(names[0]))
    await catalog.start("a.yaml", "b.yaml")
    return catalog


async def differences(catalog: Catalog) -> list[str]:
    """Looks once at everything; returns what was wrong, by name or id."""
    found = await catalog.running.reconciler.look_at_next()
    return sorted([one.entity_ref for one in (*found.stale, *found.badly_indexed)] + found.leftovers)


async def test_a_sound_catalog_has_no_differences(filled: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """K465: after processing and stitching nothing differs, however small the steps, and nothing is written."""
    monkeypatch.setattr(reconciling, "AT_ONCE", 2)
    before = await filled.snapshot()
    looked_at = []
    for _ in range(5):
        found = await filled.running.reconciler.look_at_next()
        assert (found.stale, found.badly_indexed, found.leftovers, found.miscounted) == ([], [], [], [])
        looked_at.append(found.looked_at)
    assert looked_at == [2, 2, 2, 2, 1]
    assert (await filled.running.reconciler.look_at_next()).looked_at == 2
    assert await filled.snapshot() == before
    assert filled.logs.problems() == []


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        ("DELETE FROM final_entities WHERE entity_ref = 'component:default/c1'", ["component:default/c1"]),
        ("DELETE FROM search WHERE value = 'component:default/c0' AND kind = 'component'", "dependents"),
        (f"DELETE FROM search WHERE key = {key_number('metadata.name')} AND value = 'c2'", ["component:default/c2"]),
        (
            """INSERT INTO search (entity_id, kind, key, value, original_value)
                SELECT entity_id, kind, 1, 'y', 'Y' FROM final_entities WHERE entity_ref = 'component:default/c5'""",
            ["component:default/c5"],
        ),
        (f"DELETE FROM search WHERE key = {key_number('spec.type')} AND kind = 'component'", "components"),
        ("DELETE FROM relations WHERE source_entity_ref = 'component:default/c0'", ["component:default/c0"]),
        (
            """UPDATE refresh_state SET errors = '[{"name": "E", "message": "lost"}]' WHERE entity_ref LIKE '%/c3'""",
            ["component:default/c3"],
        ),
    ],
)
async def test_what_differs_is_mended(filled: Catalog, damage: str, wrong: Any) -> None:
    """K465: a lost or wrong final form, index row or stitch is found, told, and put right by stitching."""
    before = {table: rows for table, rows in (await filled.snapshot()).items() if table == "search"}
    await filled.database.execute(damage)
    if wrong == "components":
        wrong = [f"component:default/c{number}" for number in range(7)]
    if wrong == "dependents":
        wrong = [f"component:default/c{number}" for number in range(1, 7)]
    assert await differences(filled) == wrong
    assert "What is served was not what it should have been; it is being mended" in [
        message for _, message, _ in filled.logs.entries
    ]
    await filled.settle()
    assert await differences(filled) == []
    assert await find_miscounts(filled.database) == []
    if "relations" not in damage and "errors" not in damage:
        assert (await filled.snapshot())["search"] == before["search"]


async def test_what_waits_to_be_stitched_does_not_differ(filled: Catalog, make_component: Component) -> None:
    """K465: an entity that is queued is stale for good reason, and left to the stitcher."""
    filled.write("b.yaml", make_component("c0", owner="new"))
    await filled.database.execute("UPDATE refresh_state SET next_update_at = last_discovery_at")
    while await filled.running.engine.process_due():
        pass
    assert await filled.database.fetch("SELECT 1 FROM stitch_queue") != []
    assert await differences(filled) == []
    await filled.settle()
    assert await differences(filled) == []


async def test_what_was_left_over_is_removed(filled: Catalog) -> None:
    """K465: rows of an entity that is gone, which nobody would find again, are removed."""
    uid = (await filled.get("component:default/c4"))["metadata"]["uid"]
    await filled.database.execute("DELETE FROM refresh_state WHERE entity_id = $1", uid)
    assert uid in await differences(filled)
    for table in ("final_entities", "search"):
        assert await filled.database.fetch(f"SELECT 1 FROM {table} WHERE entity_id = $1", uid) == []
    await filled.settle()
    assert await differences(filled) == []
    await filled.later()
    assert "component:default/c4" not in await filled.refs()
