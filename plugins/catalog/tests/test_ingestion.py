"""From files to entities that are served: what appears, changes, disappears and stays."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.catalog_api import (
    CatalogProcessor,
    DeferredEntity,
    DeltaMutation,
    Emit,
    EntityJson,
    EntityProviderConnection,
    FullMutation,
    LocationRef,
    ProcessorCache,
)
from understage.errors import ConflictError, InputError

Catalog = Any
Component = Callable[..., str]

TEAM = """
    apiVersion: backstage.io/v1alpha1
    kind: Group
    metadata: {name: team}
    spec: {type: team, children: []}
"""


async def test_files_become_entities_with_relations_both_ways(catalog: Catalog, make_component: Component) -> None:
    """K350, K430, K431, K465: entities of all documents are served, with relations in both directions."""
    catalog.write("a.yaml", make_component("web", dependsOn=["component:db", "component:api"]) + make_component("db"))
    catalog.write("team.yaml", TEAM)
    await catalog.start("a.yaml", "team.yaml")
    assert await catalog.refs() == ["component:default/db", "component:default/web", "group:default/team"]
    assert await catalog.relations("component:default/web") == [
        ("dependsOn", "component:default/api"),
        ("dependsOn", "component:default/db"),
        ("ownedBy", "group:default/team"),
    ]
    assert await catalog.relations("group:default/team") == [
        ("ownerOf", "component:default/db"),
        ("ownerOf", "component:default/web"),
    ]
    entity = await catalog.get("component:default/web")
    assert entity["spec"]["dependsOn"] == ["component:api", "component:db"]
    place = f"file:{catalog.folder}/a.yaml"
    assert entity["metadata"]["annotations"] == {
        "backstage.io/managed-by-location": place,
        "backstage.io/managed-by-origin-location": place,
    }
    assert catalog.logs.problems() == []


async def test_a_restart_over_unchanged_files_writes_nothing(catalog: Catalog, make_component: Component) -> None:
    """K361, K425, K466: neither a restart nor passing intervals write what has not changed; ids and etags stay."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    catalog.write("team.yaml", TEAM)
    await catalog.start("*.yaml")
    before = await catalog.snapshot()
    states = await catalog.database.fetch("SELECT entity_id, result_hash, cache FROM refresh_state ORDER BY entity_id")
    await catalog.start("*.yaml")
    await catalog.later()
    assert await catalog.snapshot() == before
    assert states == await catalog.database.fetch(
        "SELECT entity_id, result_hash, cache FROM refresh_state ORDER BY entity_id"
    )


async def test_a_changed_file_is_noticed(catalog: Catalog, make_component: Component) -> None:
    """K360, K430: changed, new and removed documents show after the interval; a changed entity keeps its uid."""
    catalog.write("a.yaml", make_component("web") + make_component("old"))
    catalog.write("team.yaml", TEAM)
    await catalog.start("a.yaml", "team.yaml")
    before = await catalog.get("component:default/web")
    catalog.write("a.yaml", make_component("web", owner="others") + make_component("new"))
    await catalog.later()
    after = await catalog.get("component:default/web")
    assert await catalog.refs() == ["component:default/new", "component:default/web", "group:default/team"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["etag"] != before["metadata"]["etag"]
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/others")]
    assert await catalog.relations("group:default/team") == [("ownerOf", "component:default/new")]
    rows = await catalog.database.fetch("SELECT DISTINCT entity_id FROM search")
    assert len(rows) == 5, "index rows of the removed entity are left"


async def test_a_comment_changes_nothing_and_is_read_once(catalog: Catalog, make_component: Component) -> None:
    """K425: a file that says the same in other words writes nothing that is served."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    before = await catalog.snapshot()
    catalog.write("a.yaml", "# a comment\n" + make_component("web"))
    await catalog.later()
    assert await catalog.snapshot() == before


async def test_one_bad_document_leaves_its_siblings_alone(catalog: Catalog, make_component: Component) -> None:
    """K376: broken YAML, a list and an entity without a name are reported with file and document.

    deviation: upstream lets one bad document freeze all entities of its file; here the others are taken over.
    """
    catalog.write(
        "a.yaml", make_component("first") + "---\nb: [1\nc: }\n---\n- a list\n---\nkind: X\n" + make_component("last")
    )
    await catalog.start("a.yaml")
    assert await catalog.refs() == ["component:default/first", "component:default/last"]
    path = catalog.folder / "a.yaml"
    problems = catalog.logs.problems()
    assert len(problems) == 3
    assert any(f"YAML error at {path}:8:2 in document 1" in problem for problem in problems)
    assert any(
        f"{path}:10: document 2; caused by TypeError: an entity must be an object, but this is a list" in problem
        for problem in problems
    )
    assert any(
        f"{path}:12: document 3; caused by TypeError: <root> must have required property 'apiVersion'" in one
        for one in problems
    )
    await catalog.later()
    assert len(catalog.logs.problems()) == 3, "the same errors are reported again and again"


async def test_the_location_shows_the_errors_of_its_documents(catalog: Catalog, make_component: Component) -> None:
    """K363, K432: a Location whose file is broken in part has status items; mended, it has none."""
    catalog.write("a.yaml", make_component("first") + "--- [")
    await catalog.start("a.yaml")
    ((ref,),) = await catalog.database.fetch("SELECT entity_ref FROM final_entities WHERE kind = 'location'")
    (item,) = (await catalog.get(ref))["status"]["items"]
    assert item["type"] == "backstage.io/catalog-processing"
    assert item["level"] == "error"
    assert item["message"].startswith("InputError: YAML error at ")
    catalog.write("a.yaml", make_component("first"))
    await catalog.later()
    assert "status" not in await catalog.get(ref)


async def test_a_document_that_breaks_keeps_its_last_good_version(catalog: Catalog, make_component: Component) -> None:
    """K432: while a file has errors, what is missing from it is not removed; siblings still change."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    catalog.write("a.yaml", make_component("web", owner="others") + "---\nkind: [Component\n")
    await catalog.later()
    assert await catalog.refs() == ["component:default/db", "component:default/web"]
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/others")]
    catalog.write("a.yaml", make_component("web", owner="others"))
    await catalog.later()
    assert await catalog.refs() == ["component:default/web"]


async def test_an_invalid_entity_keeps_its_last_good_version(catalog: Catalog, make_component: Component) -> None:
    """K432: an entity that becomes invalid is served as it was, with the error as its status."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    catalog.write("a.yaml", make_component("web").replace("type: service, ", ""))
    await catalog.later()
    entity = await catalog.get("component:default/web")
    assert entity["spec"]["type"] == "service"
    (item,) = entity["status"]["items"]
    assert item["message"] == (
        "InputError: Processor BuiltinKindsEntityProcessor threw an error while validating the entity "
        "component:default/web; caused by TypeError: /spec must have required property 'type' - missingProperty: type"
    )
    catalog.write("a.yaml", make_component("web"))
    await catalog.later()
    assert "status" not in await catalog.get("component:default/web")


async def test_an_entity_that_was_never_valid_is_not_served(catalog: Catalog) -> None:
    """K303, K312, K338, K433: bad names, foreign kinds and foreign fields are reported and not served."""
    head = "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: "
    spec = "}\nspec: {type: a, lifecycle: b, owner: c}\n"
    catalog.write(
        "a.yaml",
        head + "'bad name!'" + spec + head + "related" + spec + "relations: []\n"
        "---\napiVersion: v9\nkind: Component\nmetadata: {name: foreign}\n",
    )
    await catalog.start("a.yaml")
    assert await catalog.refs() == []
    texts = "\n".join(catalog.logs.problems())
    assert 'Policy check failed for component:default/bad name!; caused by Error: "metadata.name" is not valid' in texts
    assert "Policy check failed for component:default/related; caused by TypeError: Unknown field relations" in texts
    assert (
        "No processor recognized the entity component:default/foreign as valid, possibly caused by a foreign kind or "
        "apiVersion" in texts
    )


async def test_a_missing_file_is_reported_and_keeps_what_it_brought(
    catalog: Catalog, make_component: Component
) -> None:
    """K432, K433: a Location that never worked is not served; one whose file goes missing keeps its entities."""
    path = catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", "never.yaml")
    locations = await catalog.database.fetch("SELECT entity_ref FROM final_entities WHERE kind = 'location'")
    assert len(locations) == 1
    assert f"file {catalog.folder / 'never.yaml'} does not exist" in catalog.logs.problems()[0]
    path.unlink()
    await catalog.later()
    assert await catalog.refs() == ["component:default/web"]
    assert (await catalog.get(locations[0][0]))["status"]["items"]
    catalog.write("a.yaml", make_component("web"))
    await catalog.later()
    assert "status" not in await catalog.get(locations[0][0])


async def test_a_location_that_is_no_longer_configured_goes_with_its_entities(
    catalog: Catalog, make_component: Component
) -> None:
    """K446, K452: entities of a location that the configuration drops disappear, also from the relations of others."""
    catalog.write("a.yaml", make_component("web"))
    catalog.write("team.yaml", TEAM)
    await catalog.start("a.yaml", "team.yaml")
    assert await catalog.relations("group:default/team") == [("ownerOf", "component:default/web")]
    await catalog.start("team.yaml")
    assert await catalog.refs() == ["group:default/team"]
    assert await catalog.relations("group:default/team") == []
    (left,) = await catalog.database.fetch_row("SELECT count(*) FROM search WHERE kind = 'component'")
    assert left == 0


async def test_locations_lead_to_locations(catalog: Catalog, make_component: Component) -> None:
    """K382, K385: targets of a Location in a file are relative to it, may be globs, and take over its type."""
    catalog.write(
        "root.yaml",
        """
        apiVersion: backstage.io/v1alpha1
        kind: Location
        metadata: {name: root}
        spec:
          target: ./sub/one.yaml
          targets: ['./sub/{two,three}.yaml', ../nowhere-else/x.yaml]
        """,
    )
    for name in ("one", "two", "three"):
        catalog.write(f"sub/{name}.yaml", make_component(name))
    await catalog.start("root.yaml")
    assert await catalog.refs() == ["component:default/one", "component:default/three", "component:default/two"]
    entity = await catalog.get("component:default/two")
    assert entity["metadata"]["annotations"] == {
        "backstage.io/managed-by-location": f"file:{catalog.folder}/sub/two.yaml",
        "backstage.io/managed-by-origin-location": f"file:{catalog.folder}/root.yaml",
    }
    (problem,) = catalog.logs.problems()
    assert "nowhere-else/x.yaml does not exist" in problem
    catalog.write("sub/two.yaml", make_component("two", owner="others"))
    await catalog.later()
    assert await catalog.relations("component:default/two") == [("ownedBy", "group:default/others")]


async def test_removing_a_location_removes_what_only_it_led_to(catalog: Catalog, make_component: Component) -> None:
    """K440, K452: a chain of Locations collapses as a whole; what another one still leads to stays."""
    location = (
        "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {0}}}\nspec: {{targets: [./{1}]}}\n"
    )
    catalog.write("root.yaml", location.format("root", "middle.yaml"))
    catalog.write("middle.yaml", location.format("middle", "*.leaf.yaml"))
    catalog.write("a.leaf.yaml", make_component("alone"))
    catalog.write("b.leaf.yaml", make_component("shared"))
    await catalog.start("root.yaml", "b.leaf.yaml")
    assert await catalog.refs() == ["component:default/alone", "component:default/shared"]
    await catalog.start("b.leaf.yaml")
    assert await catalog.refs() == ["component:default/shared"]
    (count,) = await catalog.database.fetch_row("SELECT count(*) FROM refresh_state")
    assert count == 2


async def test_an_optional_target_may_be_missing(catalog: Catalog) -> None:
    """K384, K386: `presence: optional` makes a missing target no error; other faults are errors all the same."""
    catalog.write(
        "root.yaml",
        """
        apiVersion: backstage.io/v1alpha1
        kind: Location
        metadata: {name: root}
        spec: {presence: optional, target: ./nope.yaml}
        ---
        apiVersion: backstage.io/v1alpha1
        kind: Location
        metadata: {name: folder}
        spec: {presence: optional, targets: [./sub/], type: file}
        ---
        apiVersion: backstage.io/v1alpha1
        kind: Location
        metadata: {name: foreign}
        spec: {type: carrier-pigeon, target: coo}
        """,
    )
    await catalog.start("root.yaml")
    problems = sorted(catalog.logs.problems())
    assert len(problems) == 2
    assert "No processor was able to handle reading of carrier-pigeon:coo" in problems[0]
    assert "must not end with a separator" in problems[1]


async def test_rules_are_checked_against_the_origin(catalog: Catalog, make_component: Component) -> None:
    """K387, K388: a kind that may not come from a location is reported with the remedy; its siblings come."""
    catalog.write("a.yaml", make_component("web") + "---" + TEAM.replace("    ", ""))
    await catalog.start("a.yaml", catalog={"rules": [{"allow": ["Component"]}]})
    assert await catalog.refs() == ["component:default/web"]
    (problem,) = catalog.logs.problems()
    assert "Entity group:default/team at file:" in problem
    assert "rules: [{allow: [Group]}]" in problem
    await catalog.start("a.yaml")
    await catalog.later()
    assert await catalog.refs() == ["component:default/web", "group:default/team"]


async def test_a_name_belongs_to_who_brought_it_first(catalog: Catalog, make_component: Component) -> None:
    """K460, K462: a second location with the same name is refused with both places, until the first one lets go."""
    first = catalog.write("a.yaml", make_component("web", owner="first"))
    catalog.write("b.yaml", make_component("other"))
    await catalog.start("a.yaml", "b.yaml")
    catalog.write("b.yaml", make_component("web", owner="second") + make_component("other"))
    await catalog.later()
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/first")]
    (problem,) = catalog.logs.problems()
    assert problem == (
        f"component:default/web from file:{catalog.folder}/b.yaml is left out: file:{catalog.folder}/a.yaml has "
        "brought an entity of this name already; rename one of them, or remove the other one: then this one takes the "
        "name over"
    )
    first.write_text("# moved")
    await catalog.later()
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/second")]


async def test_a_name_twice_in_a_file_is_reported(catalog: Catalog, make_component: Component) -> None:
    """K328: names that differ only in case are the same; the first document wins, the second one is reported."""
    catalog.write("a.yaml", make_component("web", owner="first") + make_component("WEB", owner="second"))
    await catalog.start("a.yaml")
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/first")]
    (problem,) = catalog.logs.problems()
    assert "component:default/web is here a second time; only the first one is used" in problem


async def test_orphans_can_be_kept(catalog: Catalog, make_component: Component) -> None:
    """K366, K441: with the strategy `keep`, what nothing leads to stays, with an annotation until it returns."""
    keep = {"orphanStrategy": "keep"}
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml", catalog=keep)
    catalog.write("a.yaml", make_component("db"))
    await catalog.later()
    entity = await catalog.get("component:default/web")
    assert entity["metadata"]["annotations"]["backstage.io/orphan"] == "true"
    assert "backstage.io/orphan" not in (await catalog.get("component:default/db"))["metadata"]["annotations"]
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.later()
    assert "backstage.io/orphan" not in (await catalog.get("component:default/web"))["metadata"]["annotations"]


class Provider:
    """A provider whose mutations a test makes."""

    def __init__(self, name: str = "test-provider") -> None:
        self.name = name
        self.connection: EntityProviderConnection | None = None

    async def connect(self, connection: EntityProviderConnection) -> None:
        self.connection = connection

    async def apply(self, mutation: FullMutation | DeltaMutation) -> None:
        assert self.connection is not None
        await self.connection.apply_mutation(mutation)


def deferred(name: str, key: str | None = "url:https://example.com", **spec: Any) -> DeferredEntity:
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "annotations": {"backstage.io/managed-by-location": "url:https://example.com"}},
        "spec": {"type": "service", "lifecycle": "x", "owner": "team", **spec},
    }
    return DeferredEntity(entity, key)


async def test_a_provider_brings_and_takes(catalog: Catalog) -> None:
    """K446, K447: a full mutation replaces what a provider has brought, a delta changes a part of it."""
    provider, other = Provider(), Provider("other-provider")
    await catalog.start(providers=[provider, other])
    await other.apply(FullMutation([deferred("others-own")]))
    await provider.apply(FullMutation([deferred("a"), deferred("b")]))
    await catalog.settle()
    ids = {ref: (await catalog.get(ref))["metadata"]["uid"] for ref in await catalog.refs()}
    assert list(ids) == ["component:default/a", "component:default/b", "component:default/others-own"]
    await provider.apply(DeltaMutation([deferred("c"), deferred("b", owner="changed")], ["component:default/a"]))
    await catalog.settle()
    assert await catalog.refs() == ["component:default/b", "component:default/c", "component:default/others-own"]
    assert (await catalog.get("component:default/b"))["metadata"]["uid"] == ids["component:default/b"]
    assert await catalog.relations("component:default/b") == [("ownedBy", "group:default/changed")]
    await provider.apply(FullMutation([deferred("c")]))
    await provider.apply(DeltaMutation(removed=["component:default/others-own"]))
    await catalog.settle()
    assert await catalog.refs() == ["component:default/c", "component:default/others-own"]


async def test_an_unchanged_mutation_writes_nothing(catalog: Catalog) -> None:
    """K448: bringing the same again changes nothing and makes nothing due."""
    provider = Provider()
    await catalog.start(providers=[provider])
    await provider.apply(FullMutation([deferred("a")]))
    await catalog.settle()
    before = await catalog.snapshot()
    states = await catalog.database.fetch("SELECT * FROM refresh_state")
    await provider.apply(FullMutation([deferred("a")]))
    await provider.apply(DeltaMutation([deferred("a")]))
    assert await catalog.snapshot() == before
    assert await catalog.database.fetch("SELECT * FROM refresh_state") == states


async def test_an_entity_that_moves_starts_anew(catalog: Catalog) -> None:
    """K449: the same name under another location key is another entity, with a new uid."""
    provider = Provider()
    await catalog.start(providers=[provider])
    await provider.apply(FullMutation([deferred("a")]))
    await catalog.settle()
    before = await catalog.get("component:default/a")
    await provider.apply(FullMutation([deferred("a", "url:https://elsewhere.example.com")]))
    await catalog.settle()
    assert (await catalog.get("component:default/a"))["metadata"]["uid"] != before["metadata"]["uid"]


async def test_a_broken_mutation_changes_nothing(catalog: Catalog) -> None:
    """K450: one entity without a name refuses the whole mutation."""
    provider = Provider()
    await catalog.start(providers=[provider])
    await provider.apply(FullMutation([deferred("a")]))
    with pytest.raises(InputError, match="'name'"):
        await provider.apply(
            FullMutation([deferred("b"), DeferredEntity({"apiVersion": "v", "kind": "K", "metadata": {}})])
        )
    await catalog.settle()
    assert await catalog.refs() == ["component:default/a"]


async def test_an_entity_without_a_key_can_be_claimed(catalog: Catalog) -> None:
    """K461: an entity that nobody holds by a key goes to the first one who brings it with a key."""
    first, second = Provider("first"), Provider("second")
    await catalog.start(providers=[first, second])
    await first.apply(FullMutation([deferred("a", None)]))
    await second.apply(FullMutation([deferred("a", "url:https://claimed.example.com", owner="second")]))
    await catalog.settle()
    assert await catalog.relations("component:default/a") == [("ownedBy", "group:default/second")]
    await first.apply(FullMutation([], force=True))
    await catalog.settle()
    assert await catalog.refs() == ["component:default/a"]
    await second.apply(FullMutation([], force=True))
    assert await catalog.refs() == []


async def test_two_providers_of_one_name_are_a_conflict(catalog: Catalog) -> None:
    """K540, K548: what providers bring is remembered by their names, so a name can be used once."""
    with pytest.raises(ConflictError, match="the entity provider 'test-provider' is added twice"):
        await catalog.start(providers=[Provider(), Provider()])


async def test_a_disabled_provider_is_not_connected(catalog: Catalog) -> None:
    """K514: `catalog.providerOptions.<name>.disabled` leaves a provider out."""
    provider = Provider()
    await catalog.start(providers=[provider], catalog={"providerOptions": {"test-provider": {"disabled": True}}})
    assert provider.connection is None


class Notes(CatalogProcessor):
    """Notes in which order the steps of entities ran, and what it remembered."""

    def __init__(self, name: str = "Notes", priority: int = 20, fail_at: str = "") -> None:
        self._name, self._priority, self._fail_at = name, priority, fail_at
        self.steps: list[str] = []
        self.remembered: list[Any] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def priority(self) -> int:
        return self._priority

    def note(self, step: str) -> None:
        self.steps.append(step)
        if step == self._fail_at:
            raise ValueError("out of ink")

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["kind"] != "Component":
            return entity
        self.note("pre")
        self.remembered.append(cache.get("count"))
        cache.set("count", (cache.get("count") or 0) + 1)
        return {**entity, "metadata": {**entity["metadata"], "title": f"Titled by {self._name}"}}

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["kind"] == "Component":
            self.note("post")
        return entity


async def test_processors_change_entities_in_order(catalog: Catalog, make_component: Component) -> None:
    """K415, K416, K546, K547: processors run by priority, before and after validation, and remember from run to run."""
    late, early = Notes("late", 30), Notes("early", 10)
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", processors=[late, early])
    assert (await catalog.get("component:default/web"))["metadata"]["title"] == "Titled by late"
    assert early.steps == late.steps == ["pre", "post"]
    await catalog.later()
    assert early.remembered == [None, 1]


async def test_priorities_and_processors_can_be_configured(catalog: Catalog, make_component: Component) -> None:
    """K513: `catalog.processorOptions` turns processors off and moves them."""
    late, early, off = Notes("late", 30), Notes("early", 10), Notes("off")
    catalog.write("a.yaml", make_component("web"))
    options = {"processorOptions": {"early": {"priority": 40}, "off": {"disabled": True}}}
    await catalog.start("a.yaml", processors=[late, early, off], catalog=options)
    assert (await catalog.get("component:default/web"))["metadata"]["title"] == "Titled by early"
    assert off.steps == []


@pytest.mark.parametrize(("step", "words"), [("pre", "pre-processing"), ("post", "post-processing")])
async def test_a_failing_processor_fails_only_its_entity(
    catalog: Catalog, make_component: Component, step: str, words: str
) -> None:
    """K419: an error names processor, step and entity; other entities are processed as ever."""
    catalog.write("a.yaml", make_component("web"))
    catalog.write("team.yaml", TEAM)
    await catalog.start("*.yaml", processors=[Notes(fail_at=step)])
    assert await catalog.refs() == ["group:default/team"]
    (problem,) = catalog.logs.problems()
    assert problem == (
        f"InputError: Processor Notes threw an error while {words} the entity component:default/web; "
        "caused by ValueError: out of ink"
    )


async def test_two_processors_of_one_name_are_a_conflict(catalog: Catalog) -> None:
    """K540: a processor's name is the key of its memory and its options, so it can be used once."""
    with pytest.raises(ConflictError, match="two processors are named 'Notes'"):
        await catalog.start(processors=[Notes(), Notes()])


class Renamer(CatalogProcessor):
    """Changes names, which it must not."""

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        return {**entity, "metadata": {**entity["metadata"], "name": "renamed"}}


async def test_a_processor_must_not_rename(catalog: Catalog, make_component: Component) -> None:
    """K417: an entity whose name a processor changes is refused."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", processors=[Renamer()])
    assert await catalog.refs() == []
    assert any("changed the name of" in problem for problem in catalog.logs.problems())


class Emitter(CatalogProcessor):
    """Emits what it should not, and something that it may."""

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["metadata"]["name"] == "web":
            child = {**entity, "metadata": {"name": "child"}}
            emit.entity(entity, location=location)
            emit.entity(child, location=location, location_key=None)
            emit.error(InputError("a warning of the processor")) if entity["spec"]["owner"] == "bad" else None
        return entity


async def test_entities_emit_entities(catalog: Catalog, make_component: Component) -> None:
    """K420, K432: an entity's own name is ignored as a child; an emitted error keeps the last good version."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", processors=[Emitter()])
    assert await catalog.refs() == ["component:default/child", "component:default/web"]
    catalog.write("a.yaml", make_component("web", owner="bad"))
    await catalog.later()
    assert await catalog.refs() == ["component:default/child", "component:default/web"]
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/team")]
    assert (await catalog.get("component:default/web"))["status"]["items"][0]["error"]["name"] == "InputError"


@pytest.mark.parametrize("annotations", [["no", "object"], {"backstage.io/managed-by-location": "nonsense"}])
async def test_a_strange_entity_harms_no_other(sqlite_catalog: Catalog, annotations: Any) -> None:
    """K305: an entity whose annotations are no annotations is reported, and others are processed as ever."""
    provider = Provider()
    await sqlite_catalog.start(providers=[provider])
    strange = deferred("strange")
    strange.entity["metadata"]["annotations"] = annotations
    await provider.apply(FullMutation([strange, deferred("good")]))
    await sqlite_catalog.settle()
    assert await sqlite_catalog.refs() == ["component:default/good"]
    (problem,) = sqlite_catalog.logs.problems()
    assert "annotations must be object" in problem or "Unable to parse location ref 'nonsense'" in problem
