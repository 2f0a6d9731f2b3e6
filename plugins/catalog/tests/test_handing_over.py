"""What becomes of names that two sources want, and of entities that nothing leads to any more."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from understage.catalog.running import RunningCatalog

Catalog = Any
Component = Callable[..., str]

WEB = "component:default/web"
KEEP = {"orphanStrategy": "keep"}
ELSEWHERE = "url:http://x/elsewhere"
LOCATION = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {}}}\nspec: {{targets: [{}]}}\n"


async def uid(catalog: Catalog, ref: str = WEB) -> str:
    return str((await catalog.get(ref))["metadata"]["uid"])


async def place(catalog: Catalog, ref: str = WEB) -> str:
    found = (await catalog.get(ref))["metadata"]["annotations"]["backstage.io/managed-by-location"]
    return str(found).rpartition("/")[2]


async def waiting(catalog: Catalog) -> list[tuple[Any, ...]]:
    return list(await catalog.database.fetch("SELECT entity_ref, location_key FROM claims ORDER BY id"))


@pytest.mark.parametrize("strategy", ["delete", "keep"])
async def test_a_file_that_moves_hands_its_entities_over(
    catalog: Catalog, make_component: Component, strategy: str
) -> None:
    """K462, K440: an entity whose file is renamed is found at its new place, under its old id and without a gap."""
    file = catalog.write("a.yaml", make_component("web"))
    await catalog.start("*.yaml", catalog={"orphanStrategy": strategy})
    before = await uid(catalog)
    file.rename(file.with_name("b.yaml"))
    await catalog.later()
    assert await uid(catalog) == before
    assert await place(catalog) == "b.yaml"
    assert "backstage.io/orphan" not in (await catalog.get(WEB))["metadata"]["annotations"]
    assert await waiting(catalog) == []


async def test_a_move_is_no_conflict(catalog: Catalog, make_component: Component) -> None:
    """K462, K570: an entity that is found elsewhere by the same Location is handed over without a warning or event."""
    file = catalog.write("a.yaml", make_component("web"))
    await catalog.start("*.yaml")
    file.rename(file.with_name("b.yaml"))
    await catalog.later()
    await catalog.running.announcer.publish_waiting()
    assert catalog.logs.problems() == []
    assert catalog.events.published == []


async def test_a_move_beside_a_broken_document_is_seen(catalog: Catalog, make_component: Component) -> None:
    """K462: an entity moves with its file although another document of the same Location cannot be read."""
    file = catalog.write("a.yaml", make_component("web") + make_component("gone"))
    await catalog.start("*.yaml")
    file.rename(file.with_name("b.yaml"))
    catalog.write("b.yaml", make_component("web") + "---\nbroken: [\n")
    await catalog.later()
    assert await place(catalog) == "b.yaml"
    assert await waiting(catalog) == []
    assert await place(catalog, "component:default/gone") == "a.yaml", "it may only be what is broken"


async def test_the_first_in_line_takes_over(catalog: Catalog, make_component: Component) -> None:
    """K460, K462: of those who wait, the one that has waited longest takes a name over, at once."""
    for file in ("a.yaml", "b.yaml", "c.yaml"):
        catalog.write(file, make_component("web", owner=file[0]))
        await catalog.start(*[f"{one}.yaml" for one in "abc" if f"{one}.yaml" <= file])
    assert [key.rpartition("/")[2] for _, key in await waiting(catalog)] == ["b.yaml", "c.yaml"]
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/a")]
    await catalog.start("b.yaml", "c.yaml")
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/b")]
    await catalog.start("c.yaml")
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/c")]
    await catalog.start()
    assert await catalog.get(WEB) is None


async def test_who_no_longer_wants_a_name_does_not_get_it(catalog: Catalog, make_component: Component) -> None:
    """K462: a location that has dropped the entity by the time the name is free does not take it over."""
    catalog.write("a.yaml", make_component("web", owner="a"))
    catalog.write("b.yaml", make_component("web", owner="b") + make_component("other"))
    await catalog.start("a.yaml")
    await catalog.start("a.yaml", "b.yaml")
    catalog.write("b.yaml", make_component("web", owner="b2") + make_component("other"))
    await catalog.later()
    assert len(await waiting(catalog)) == 1
    catalog.write("b.yaml", make_component("other"))
    await catalog.later()
    assert await waiting(catalog) == []
    await catalog.start("b.yaml")
    assert await catalog.get(WEB) is None


async def test_what_waits_is_kept_current(catalog: Catalog, make_component: Component) -> None:
    """K462: a name is taken over with the entity as it is by then, not as it was when it was refused."""
    catalog.write("a.yaml", make_component("web", owner="a"))
    catalog.write("b.yaml", make_component("web", owner="b"))
    await catalog.start("a.yaml")
    await catalog.start("a.yaml", "b.yaml")
    catalog.write("b.yaml", make_component("web", owner="b2"))
    await catalog.later()
    await catalog.start("b.yaml")
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/b2")]


async def test_a_deleted_entity_gives_way(catalog: Catalog, make_component: Component) -> None:
    """K462: whoever waits for the name of an entity that is deleted takes it over; the other one waits from then on."""
    catalog.write("a.yaml", make_component("web", owner="a"))
    catalog.write("b.yaml", make_component("web", owner="b"))
    await catalog.start("a.yaml")
    await catalog.start("a.yaml", "b.yaml")
    await catalog.running.upkeep.delete(await uid(catalog))
    await catalog.settle()
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/b")]
    assert [key.rpartition("/")[2] for _, key in await waiting(catalog)] == ["a.yaml"]


async def test_providers_hand_over_as_well(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K460, K462: what a provider was refused it gets as soon as the other one lets go."""
    one, two = make_provider("one"), make_provider("two")
    await catalog.start(providers=[one, two])
    await one.full(make_deferred("web", owner="one"), make_deferred("own"))
    await two.full(make_deferred("web", ELSEWHERE, owner="two"), make_deferred("other"))
    await catalog.settle()
    before = await uid(catalog)
    assert await waiting(catalog) == [(WEB, ELSEWHERE)]
    await one.delta(removed=[WEB])
    await catalog.settle()
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/two")]
    assert await uid(catalog) == before


async def test_a_dispossessed_provider_gets_its_entity_back(
    catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K461: an entity without a key goes to who brings it with one, and back when that one lets go."""
    one, two = make_provider("one"), make_provider("two")
    await catalog.start(providers=[one, two])
    await one.full(make_deferred("web", None, owner="one"))
    await two.full(make_deferred("web", owner="two"), make_deferred("other"))
    await catalog.settle()
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/two")]
    await two.full(make_deferred("other"))
    await catalog.settle()
    assert await catalog.relations(WEB) == [("ownedBy", "group:default/one")]


async def test_circles_go_with_their_root(catalog: Catalog) -> None:
    """K440, K452: Locations that name each other, and what they lead to, go when nothing else leads to them."""
    folder = catalog.folder
    catalog.write("root.yaml", LOCATION.format("one", "./two.yaml"))
    catalog.write("two.yaml", LOCATION.format("two", f"{folder}/root.yaml"))
    await catalog.start("root.yaml")
    assert len(await catalog.database.fetch("SELECT entity_ref FROM final_entities")) == 3
    await catalog.start()
    assert await catalog.database.fetch("SELECT entity_ref FROM refresh_state") == []


async def test_what_a_circle_shares_with_others_stays(catalog: Catalog, make_component: Component) -> None:
    """K452: what another root leads to as well is left alone when a circle goes."""
    folder = catalog.folder
    catalog.write("shared.yaml", make_component("shared"))
    catalog.write("root.yaml", LOCATION.format("one", f"./two.yaml, {folder}/shared.yaml"))
    catalog.write("two.yaml", LOCATION.format("two", f"{folder}/root.yaml"))
    await catalog.start("root.yaml", "shared.yaml")
    await catalog.start("shared.yaml")
    refs = [ref for (ref,) in await catalog.database.fetch("SELECT entity_ref FROM refresh_state ORDER BY entity_ref")]
    assert refs[0] == "component:default/shared"
    assert [ref for ref in refs if not ref.startswith("location:default/generated-")] == refs[:1]


async def test_the_cleanup_finds_what_was_left_behind(catalog: Catalog, make_component: Component) -> None:
    """K440: orphans that were kept once, and circles, are deleted by the scheduled cleanup when they may be."""
    catalog.write("a.yaml", make_component("web"))
    catalog.write("b.yaml", make_component("other"))
    await catalog.start("a.yaml", "b.yaml", catalog=KEEP)
    catalog.write("a.yaml", "# nothing")
    await catalog.later()
    await catalog.running.cleanup.clean_up()
    await catalog.settle()
    assert WEB in await catalog.refs()
    await catalog.start("a.yaml", "b.yaml")
    await catalog.running.cleanup.clean_up()
    assert WEB not in await catalog.refs()
    assert "component:default/other" in await catalog.refs()


async def test_the_cleanup_finds_circles_and_free_names(
    catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K440, K462: a circle, and a name that is free though somebody waits, are found however they came about."""
    provider = make_provider()
    await catalog.start(providers=[provider])
    await provider.full(*[make_deferred(name, kind="Group", type="team", children=[]) for name in ("a", "b", "c")])
    await catalog.settle()
    database = catalog.database
    await database.execute("DELETE FROM refresh_state_references WHERE target_entity_ref <> 'group:default/c'")
    edge = "INSERT INTO refresh_state_references (source_entity_ref, target_entity_ref) VALUES ($1, $2)"
    await database.execute(edge, "group:default/a", "group:default/b")
    await database.execute(edge, "group:default/b", "group:default/a")
    await database.execute(
        "INSERT INTO claims (entity_ref, source_key, unprocessed_entity, unprocessed_hash, location_key, since)"
        " SELECT 'component:default/free', 'test-provider', unprocessed_entity, 'x', 'k', last_discovery_at"
        " FROM refresh_state WHERE entity_ref = 'group:default/c'"
    )
    await catalog.running.cleanup.clean_up()
    assert await waiting(catalog) == []
    await catalog.running.cleanup.clean_up_circles()
    refs = [row[0] for row in await database.fetch("SELECT entity_ref FROM refresh_state ORDER BY entity_ref")]
    assert refs == ["component:default/free", "group:default/c"]


async def test_replicas_that_let_go_at_once_leave_nothing_behind(
    catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K440, K452: an entity that several providers give up at the same time is gone, at the latest by the cleanup."""
    providers = [make_provider(str(number)) for number in range(4)]
    await catalog.start(providers=providers)
    await asyncio.gather(*[one.full(make_deferred("web"), make_deferred(f"own-{one.name}")) for one in providers])
    await asyncio.gather(*[one.delta(removed=[WEB]) for one in providers])
    await catalog.running.cleanup.clean_up()
    await catalog.settle()
    assert await catalog.refs() == [f"component:default/own-{number}" for number in range(4)]


async def test_a_location_that_is_removed_while_it_is_processed_leaves_nothing(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K443, K440: what a run has found is dropped when its Location was removed meanwhile."""
    catalog.write("a.yaml", make_component("web"))
    running: RunningCatalog = catalog.create("a.yaml")
    await running.connect_providers()
    run = running.engine.pipeline.run

    async def removed_meanwhile(ref: str, *arguments: Any, **named: Any) -> Any:
        outcome = await run(ref, *arguments, **named)
        if ref.startswith("location:"):
            await catalog.create().connect_providers()
        return outcome

    monkeypatch.setattr(running.engine.pipeline, "run", removed_meanwhile)
    await running.engine.settle()
    assert await catalog.refs() == []
    assert await catalog.database.fetch("SELECT entity_ref FROM refresh_state") == []
