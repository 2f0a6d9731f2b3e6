"""Circles of entities that nothing else leads to, where orphans are kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.database.reachability import Incoming
from understage.catalog.processing import orphans as orphan_collection
from understage.catalog.processing.orphan_circles import find_circles
from understage.errors import NotFoundError

Catalog = Any
Component = Any
KEEP = {"orphanStrategy": "keep"}
LOCATION = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {}}}\nspec: {{targets: [{}]}}\n"
ONE, TWO, WEB = "location:default/one", "location:default/two", "component:default/web"
EDGE = "INSERT INTO refresh_state_references (source_entity_ref, target_entity_ref) VALUES ($1, $2)"
CIRCLE = {ONE, TWO}


async def orphans(catalog: Catalog) -> set[str]:
    """Returns the entities that are served as orphans."""
    rows = await catalog.database.fetch("SELECT entity_ref FROM final_entities")
    entities = {ref: await catalog.get(ref) for (ref,) in rows}
    return {ref for ref, one in entities.items() if "backstage.io/orphan" in one["metadata"].get("annotations", {})}


async def start_with_circle(catalog: Catalog, make_component: Component) -> None:
    """Starts a catalog in which a root leads to two Locations, these to each other, and one of them to a component."""
    catalog.write("root.yaml", LOCATION.format("root", "./one.yaml"))
    catalog.write("one.yaml", LOCATION.format("one", "./two.yaml"))
    catalog.write("two.yaml", LOCATION.format("two", "./one.yaml, ./web.yaml"))
    catalog.write("web.yaml", make_component("web"))
    await catalog.start("root.yaml", catalog=KEEP)
    assert await orphans(catalog) == set()


async def test_a_circle_that_is_kept_is_marked(catalog: Catalog, make_component: Component) -> None:
    """K441: Locations that only lead to each other are orphans at once, what they lead to is not, until a root is back.

    deviation: Backstage never finds out about circles.
    """
    await start_with_circle(catalog, make_component)
    catalog.write("root.yaml", LOCATION.format("root", ""))
    await catalog.later()
    assert await orphans(catalog) == CIRCLE
    assert WEB in await catalog.refs()
    await catalog.later()
    assert await orphans(catalog) == CIRCLE
    found = await catalog.running.reconciler.look_at_next()
    assert (found.stale, found.badly_indexed) == ([], [])
    await catalog.settle()
    assert await orphans(catalog) == CIRCLE
    catalog.write("root.yaml", LOCATION.format("root", "./two.yaml"))
    await catalog.later()
    assert await orphans(catalog) == set()


async def test_a_circle_that_is_kept_cannot_be_refreshed(catalog: Catalog, make_component: Component) -> None:
    """K240, K441: a refresh of its members is 404, as for other orphans; of what they lead to it is not."""
    await start_with_circle(catalog, make_component)
    catalog.write("root.yaml", LOCATION.format("root", ""))
    await catalog.later()
    with pytest.raises(NotFoundError, match=f"Entity {ONE} not found"):
        await catalog.running.upkeep.refresh(ONE)
    await catalog.running.upkeep.refresh(WEB)


async def test_what_a_deleted_entity_leaves_is_marked(catalog: Catalog, make_component: Component) -> None:
    """K151, K441: a circle that only a deleted entity led to is marked; a member's delete leaves a single orphan."""
    await start_with_circle(catalog, make_component)
    upkeep, uid = catalog.running.upkeep, (await catalog.get("location:default/root"))["metadata"]["uid"]
    await upkeep.delete(uid)
    await catalog.running.engine.stitch_due()
    assert await orphans(catalog) == CIRCLE
    await upkeep.delete((await catalog.get(ONE))["metadata"]["uid"])
    await catalog.running.engine.stitch_due()
    assert await catalog.database.fetch("SELECT entity_ref FROM orphan_circles") == []
    assert await orphans(catalog) == {TWO}
    await catalog.settle()
    assert await orphans(catalog) == set()


async def test_the_cleanup_marks_circles(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K440, K441: a circle is marked however it came about, lives again by its provider, and goes when it may."""
    provider = make_provider()
    await catalog.start(providers=[provider], catalog=KEEP)
    groups = {name: make_deferred(name, kind="Group", type="team", children=[]) for name in ("a", "b", "c", "d")}
    await provider.full(*groups.values())
    await catalog.settle()
    database = catalog.database
    await database.execute("DELETE FROM refresh_state_references WHERE target_entity_ref <> 'group:default/d'")
    for source, target in ("ab", "ba", "bc"):
        await database.execute(EDGE, f"group:default/{source}", f"group:default/{target}")
    await catalog.running.cleanup.clean_up_circles()
    await catalog.settle()
    assert await orphans(catalog) == {"group:default/a", "group:default/b"}
    await provider.delta(groups["a"])
    await catalog.settle()
    assert await orphans(catalog) == set()
    await database.execute("DELETE FROM refresh_state_references WHERE source_key IS NOT NULL")
    await catalog.running.cleanup.clean_up_circles()
    await catalog.start(providers=[make_provider()])
    await catalog.running.cleanup.clean_up_circles()
    await catalog.running.cleanup.clean_up()
    assert await database.fetch("SELECT entity_ref FROM refresh_state") == []
    assert await database.fetch("SELECT entity_ref FROM orphan_circles") == []


@pytest.mark.parametrize("links_at_once", [1, 2, 1000])
async def test_circles_are_found_among_what_is_alive(
    catalog: Catalog, make_provider: Any, make_deferred: Any, monkeypatch: pytest.MonkeyPatch, links_at_once: int
) -> None:
    """K441: circles of all sizes go, with what only they lead to; circles and chains that a provider leads to stay."""
    monkeypatch.setattr(orphan_collection, "LINKS_AT_ONCE", links_at_once)
    provider = make_provider()
    await catalog.start(providers=[provider])
    groups = {name: make_deferred(name, kind="Group", type="team", children=[]) for name in "abcdefghijk"}
    await provider.full(*groups.values())
    await catalog.settle()
    await catalog.database.execute("DELETE FROM refresh_state_references WHERE target_entity_ref <> 'group:default/k'")
    # Alive are a chain and a circle below k; dead are a circle of one, one of three, and what that leads to.
    for source, target in ("ka", "ab", "bc", "cb", "dd", "fg", "gh", "hf", "hi", "ij"):
        await catalog.database.execute(EDGE, f"group:default/{source}", f"group:default/{target}")
    await catalog.running.cleanup.clean_up_circles()
    rows = await catalog.database.fetch("SELECT entity_ref FROM refresh_state ORDER BY entity_ref")
    assert "".join(row[0][-1] for row in rows) == "abcek"


NODES = "abcdefg"
edges = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda two: two[0] != two[1]))


@given(edges, st.sets(st.sampled_from(NODES), max_size=2))
def test_circles_are_those_that_lead_to_all_that_leads_to_them(links: list[tuple[str, str]], roots: set[str]) -> None:
    """K441: marked is whoever leads to each of those that lead to it, if there are any and none has a root."""
    above: dict[str, set[str]] = {node: {source for source, target in links if target == node} for node in NODES}
    for _ in NODES:
        above = {node: sources.union(*(above[one] for one in sources)) for node, sources in above.items()}
    expected = {
        node
        for node, sources in above.items()
        if sources and all(node in above[one] for one in sources) and not roots & {node, *sources}
    }
    found: dict[str, list[Incoming]] = {node: [] for node in NODES}
    for source, target in links:
        found[target].append(Incoming(target, None, source))
    for node, leading in found.items():
        leading += [Incoming(node, "provider", None)] if node in roots else []
        leading += [] if leading else [Incoming(node, None, None)]
    assert find_circles(found) == expected
