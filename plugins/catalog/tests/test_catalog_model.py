"""The catalog model: layers, sources, and entities that are judged by them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.waiting import until

from understage.catalog import feature as catalog_feature
from understage.catalog.model.description import describe_model
from understage.catalog.model.model_sources import read_model
from understage.catalog.processing.collector import RunCache
from understage.catalog.processors.builtin_kinds import BuiltinKindsProcessor
from understage.catalog.processors.model import ModelProcessor
from understage.catalog_api import CatalogModel as CatalogModelPoint
from understage.catalog_api import EntityJson, EntityRef, LocationRef, SchemaViolationError
from understage.catalog_api.model import (
    AI_RESOURCE_LAYER,
    DEFAULT_LAYER,
    MCP_SERVER_LAYER,
    CatalogModel,
    Kind,
    KindNames,
    KindVersion,
    LayerBuilder,
    MetadataField,
    ModelLayer,
    RelationField,
    RelationName,
    RelationPair,
    compile_model,
    model_layer,
    static_model,
)
from understage.errors import InputError
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module
from understage.testing import mock_services, start_test_backend

Catalog = Any
Component = Callable[..., str]

PLACE = LocationRef("url", "https://x")
TEXT = {"type": "string", "minLength": 1}


def spec(**members: Any) -> dict[str, Any]:
    return {"required": ["spec"], "properties": {"spec": {"type": "object", "properties": members}}}


def robot(*versions: KindVersion) -> Kind:
    names = KindNames(kind="Robot", singular="robot", plural="robots")
    return Kind(group="example.org", names=names, description="A machine.", versions=versions)


ROBOT_VERSION = KindVersion(
    names=("v1",),
    schema=spec(parts={"type": "array", "items": TEXT}, boss=TEXT),
    relation_fields=(
        RelationField(path="spec.boss", relation="ownedBy", default_kind="Group", allowed_kinds=("Group",)),
        RelationField(path="spec.parts", relation="hasPart", default_kind="Robot", default_namespace="default"),
    ),
)
ROBOT_LAYER = model_layer("example.org/robot", lambda model: model.add_kind(robot(ROBOT_VERSION)))


def layer(layer_id: str, *steps: Callable[[LayerBuilder], None]) -> ModelLayer:
    def build(model: LayerBuilder) -> None:
        for step in steps:
            step(model)

    return model_layer(layer_id, build)


def entity(kind: str, version: str = "backstage.io/v1alpha1", **spec: Any) -> EntityJson:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "n", "namespace": "own"}, "spec": spec}


class Emitted:
    """Keeps the relations that a processor emits."""

    def __init__(self) -> None:
        self.relations: list[tuple[str, str, str]] = []

    def relation(self, source: EntityRef, type: str, target: EntityRef) -> None:
        self.relations.append((str(source), type, str(target)))


async def relations(processor: Any, subject: EntityJson) -> list[tuple[str, str, str]]:
    emit: Any = Emitted()
    await processor.post_process_entity(subject, location=PLACE, emit=emit, cache=RunCache({}))
    return sorted(emit.relations)


@pytest.fixture(scope="module")
def model() -> CatalogModel:
    """Gives the model of the built-in kinds."""
    return compile_model([DEFAULT_LAYER])


GROUPS, USERS = st.sampled_from(["a", "group:b", "group:x/c"]), st.sampled_from(["a", "user:b", "User:x/c"])
NEEDED = {"type": "x", "lifecycle": "y", "definition": "z"}
KINDS: dict[str, dict[str, Any]] = {
    "Component": {
        "owner": GROUPS | USERS.filter(lambda ref: ":" in ref),
        "system": st.just("system:f"),
        "subcomponentOf": st.just("d"),
        "providesApis": st.just(["e", "api:x/e"]),
        "dependsOn": st.lists(st.sampled_from(["component:d", "resource:h"]), max_size=3),
        "dependencyOf": st.lists(st.sampled_from(["component:d", "resource:h"]), max_size=3),
    },
    "API": {"owner": GROUPS, "system": st.just("f")},
    "Resource": {"owner": GROUPS, "dependsOn": st.just(["component:d"])},
    "System": {"owner": GROUPS, "domain": st.just("other/g")},
    "Domain": {"owner": GROUPS, "subdomainOf": st.just("g")},
    "Group": {"parent": GROUPS, "children": st.lists(GROUPS, max_size=3), "members": st.lists(USERS, max_size=3)},
    "User": {"memberOf": st.lists(GROUPS, max_size=3)},
}


BUILT_IN = ModelProcessor(compile_model([DEFAULT_LAYER]))


@given(st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.fixed_dictionaries(KINDS[kind]).map(lambda s: (kind, s))))
async def test_the_model_gives_the_relations_of_the_built_in_kinds(case: tuple[str, dict[str, Any]]) -> None:
    """K350, K356: for targets of allowed kinds the model gives the relations that the built-in kinds give."""
    kind, members = case
    subject = entity(kind, **{**NEEDED, "children": [], **members})
    assert await relations(BUILT_IN, subject) == await relations(BuiltinKindsProcessor(), subject)


def compiled(*layers: ModelLayer) -> CatalogModel:
    return compile_model([DEFAULT_LAYER, *layers])


async def test_kinds_that_are_not_allowed_give_no_relation(model: CatalogModel) -> None:
    """K356: an owner that is no group and no user is left out, and so is a member that is no user."""
    processor = ModelProcessor(model)
    assert await relations(processor, entity("Component", owner="component:x")) == []
    assert await relations(processor, entity("Group", members=["group:x"], children=["user:y"])) == []
    assert len(await relations(processor, entity("Component", owner="USER:x"))) == 2


async def test_an_inverse_needs_a_declared_pair(model: CatalogModel) -> None:
    """K356: between kinds that no layer pairs, the relation is given without its inverse."""
    assert await relations(ModelProcessor(model), entity("API", system="api:other/x")) == [
        ("api:own/n", "partOf", "api:other/x")
    ]
    robots = ModelProcessor(compiled(ROBOT_LAYER))
    found = await relations(robots, entity("Robot", "example.org/v1", boss="a", parts=["arm", "x/leg"]))
    assert found == [
        ("robot:own/n", "hasPart", "robot:default/arm"),
        ("robot:own/n", "hasPart", "robot:x/leg"),
        ("robot:own/n", "ownedBy", "group:own/a"),
    ]


async def test_a_reference_without_a_kind_may_be_an_error(model: CatalogModel) -> None:
    """K352: where no kind is implied, a reference must name one."""
    with pytest.raises(InputError, match="has no kind"):
        await relations(ModelProcessor(model), entity("Component", dependsOn=["x"]))


async def test_lists_of_references_are_sorted(model: CatalogModel) -> None:
    """K357: before anything else, lists of references are put in order; other lists stay."""
    subject = entity("Component", providesApis=["b", "a"], other=["b", "a"], dependsOn=[2, "a"])
    cache, emit = RunCache({}), Emitted()
    run: Any = ModelProcessor(model).pre_process_entity
    await run(subject, location=PLACE, origin=PLACE, emit=emit, cache=cache)
    assert (subject["spec"]["providesApis"], subject["spec"]["other"]) == (["a", "b"], ["b", "a"])


@pytest.mark.parametrize("version", ["backstage.io/v1alpha1", "backstage.io/v1beta1"])
async def test_the_model_validates_the_built_in_kinds(model: CatalogModel, version: str) -> None:
    """K335, K337: the default layer knows the built-in kinds in both versions, and no others."""
    processor = ModelProcessor(model)
    good = {"type": "x", "lifecycle": "y", "owner": "z", "definition": "d"}
    assert await processor.validate_entity_kind(entity("API", version, **good))
    with pytest.raises(SchemaViolationError, match="must have required property 'owner'"):
        await processor.validate_entity_kind(entity("System", version))
    for other in (entity("Robot", version), entity("component", version), entity("API", "example.org/v1")):
        assert not await processor.validate_entity_kind(other)


async def test_a_spec_type_may_have_a_schema_of_its_own() -> None:
    """K341: AiResource and MCP servers are judged by their `spec.type`, other types by what holds for all."""
    processor = ModelProcessor(compiled(AI_RESOURCE_LAYER, MCP_SERVER_LAYER))
    common = {"lifecycle": "x", "owner": "y"}
    for good in (
        entity("AiResource", type="skill", dependsOn=["other"], **common),
        entity("AiResource", type="rule", category="a", rationale="b", **common),
        entity("AiResource", type="plugin", skills=["s"], **common),
        entity("AiResource", type="marketplace", plugins=["p"], **common),
        entity("AiResource", type="anything", **common),
        entity("API", type="mcp-server", remotes=[{"type": "sse", "url": "https://x"}], **common),
        entity("API", type="openapi", definition="d", **common),
    ):
        assert await processor.validate_entity_kind(good)
    for bad, member in (
        (entity("AiResource", type="rule", **common), "category"),
        (entity("AiResource", type="plugin", **common), "skills"),
        (entity("API", type="mcp-server", definition="d", **common), "remotes"),
        (entity("API", type="openapi", **common), "definition"),
    ):
        with pytest.raises(SchemaViolationError, match=f"must have required property '{member}'"):
            await processor.validate_entity_kind(bad)
    plugin = await relations(processor, entity("AiResource", type="plugin", skills=["s"], **common))
    assert ("airesource:own/n", "hasPart", "airesource:own/s") in plugin
    assert ("airesource:own/s", "partOf", "airesource:own/n") in plugin


def test_layers_update_and_remove_in_any_order() -> None:
    """K545: updates come after all declarations and removals last, whichever layer comes first."""
    changes = layer(
        "example.org/changes",
        lambda model: model.remove_kind("Domain"),
        lambda model: model.update_kind("Robot", plural="robotii", description="A better machine."),
        lambda model: model.update_kind_version(
            "Robot", "v1", schema=spec(boss=None, speed={"default": None}), relation_fields=[]
        ),
        lambda model: model.update_relation("ownedBy", from_kinds=["Robot"], to_kinds=["Group"], title="commanded by"),
        lambda model: model.update_field("label", "example.org/tier", schema={"enum": ["1", "2"]}),
        lambda model: model.remove_field("tag", "old"),
        lambda model: model.add_kind_version("Robot", KindVersion(names=("v2",), schema=spec())),
    )
    declarations = layer(
        "example.org/declarations",
        lambda model: model.include(ROBOT_LAYER),
        lambda model: model.add_label(MetadataField(name="example.org/tier", description="How important.")),
        lambda model: model.add_tag(MetadataField(name="old", description="Old.")),
        lambda model: model.add_tag(MetadataField(name="new", description="New.", title="News")),
    )
    model = compile_model([changes, declarations, DEFAULT_LAYER, DEFAULT_LAYER])
    kind = model.kinds["Robot", "example.org/v1", None]
    assert (kind.names.plural, kind.description, kind.relation_fields) == ("robotii", "A better machine.", ())
    assert set(kind.schema["properties"]["spec"]["properties"]) == {"parts", "speed"}
    assert kind.schema["properties"]["spec"]["properties"]["speed"] == {"default": None}
    assert not [key for key in model.kinds if key[0] == "Domain"]
    assert model.relations["ownedBy"].title == model.relations["ownerOf"].reverse_title == "commanded by"
    assert model.relations["ownedBy"].leads("robot", "GROUP")
    assert set(model.tags) == {"new"}
    labels = kind.schema["properties"]["metadata"]["properties"]["labels"]
    assert labels["properties"]["example.org/tier"] == {"enum": ["1", "2"]}
    assert ("Robot", "example.org/v2", None) in model.kinds


async def test_known_labels_and_annotations_may_have_a_schema() -> None:
    """K545: a value that a layer's schema does not allow is an error of the entity, of whatever kind."""
    tiers = MetadataField(name="tier", description="How important.", schema={"enum": ["1", "2"]})
    processor = ModelProcessor(compiled(layer("example.org/tier", lambda model: model.add_label(tiers))))
    subject = entity("System", owner="x")
    subject["metadata"]["labels"] = {"tier": "2", "other": "x"}
    assert await processor.validate_entity_kind(subject)
    subject["metadata"]["labels"] = {"tier": "3"}
    with pytest.raises(SchemaViolationError, match="/metadata/labels/tier must be equal to one of the allowed values"):
        await processor.validate_entity_kind(subject)


PAIR = RelationPair(
    from_kinds=("Robot",),
    to_kinds=("Robot",),
    description="Friendship.",
    forward=RelationName("likes", "likes"),
    reverse=RelationName("likedBy", "liked by"),
)


def test_pairs_of_several_layers_are_joined() -> None:
    """K545: the same relation may be declared for further kinds."""
    model = compiled(ROBOT_LAYER, layer("example.org/likes", lambda model: model.add_relation_pair(PAIR)))
    assert model.relations["likes"].leads("Robot", "robot")
    assert model.relations["likedBy"].reverse_type == "likes"
    assert not model.relations["likes"].leads("Robot", "Group")


FIELD = MetadataField(name="a/b", description="x")


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (
            [lambda model: model.add_kind(robot()), lambda model: model.add_kind(robot())],
            "the kind Robot is declared more",
        ),
        (
            [lambda model: model.add_kind(robot(ROBOT_VERSION, ROBOT_VERSION))],
            "version v1 of the kind Robot is declared",
        ),
        ([lambda model: model.add_kind_version("Robot", ROBOT_VERSION)], "cannot add a version to the kind Robot"),
        ([lambda model: model.update_kind("Robot")], "cannot update the kind Robot"),
        ([lambda model: model.update_kind_version("System", "v9")], "cannot update version v9 of the kind System"),
        (
            [lambda model: model.update_kind_version("API", "v1beta1", spec_types=("x",))],
            "cannot update version v1beta1 of the kind API for the type x",
        ),
        ([lambda model: model.remove_kind("Robot")], "cannot remove the kind Robot"),
        (
            [lambda model: model.update_relation("likes", from_kinds=["API"], to_kinds=["API"])],
            "cannot update the relation likes",
        ),
        (
            [lambda model: model.add_annotation(FIELD), lambda model: model.add_annotation(FIELD)],
            "the annotation a/b is",
        ),
        ([lambda model: model.update_field("label", "a/b")], "cannot update the label a/b"),
        ([lambda model: model.remove_field("tag", "a")], "cannot remove the tag a"),
        (
            [lambda model: model.add_kind(robot(KindVersion(names=("v1",), schema={"type": "array"})))],
            "the schema of Robot in example.org/v1 is not one of an object",
        ),
        (
            [lambda model: model.add_kind(robot(KindVersion(names=("v1",), schema={"properties": 3})))],
            "the schema of Robot in example.org/v1",
        ),
    ],
)
def test_contradictions_are_told(steps: Sequence[Callable[[LayerBuilder], None]], text: str) -> None:
    """K545: a model that cannot be put together says what is wrong."""
    with pytest.raises(InputError, match=text):
        compiled(layer("example.org/wrong", *steps))


def test_one_id_is_one_layer() -> None:
    """K545: two different layers of the same id abort, the same one twice is fine."""
    other = model_layer("example.org/robot", lambda model: model.remove_kind("User"))
    assert compiled(ROBOT_LAYER, ROBOT_LAYER).kinds
    with pytest.raises(InputError, match=r"two layers of the catalog model are called example\.org/robot"):
        compiled(ROBOT_LAYER, other)


class Slow:
    """A source that takes its time."""

    def __init__(self, ready: asyncio.Event) -> None:
        self._ready = ready

    async def read(self) -> AsyncIterator[Sequence[ModelLayer]]:
        await self._ready.wait()
        yield [ROBOT_LAYER]
        raise AssertionError("asked for more than once")


async def test_the_start_waits_for_all_sources(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> None:
    """K545: every source is waited for once, with a warning from time to time, and not followed later."""
    monkeypatch.setattr("understage.catalog.model.model_sources.WARNING_SECONDS", 0.01)
    ready = asyncio.Event()
    reading = asyncio.create_task(read_model([static_model(), Slow(ready)], catalog.logs))
    await until(lambda: any("waits for sources" in message for message in catalog.logs.messages("warning")))
    ready.set()
    model = await reading
    assert ("Robot", "example.org/v1", None) in model.kinds
    assert ("User", "backstage.io/v1beta1", None) in model.kinds


async def test_entities_follow_the_model(catalog: Catalog, make_component: Component) -> None:
    """K341, K356, K545: with a source, its kinds and the built-in ones are known, by the processor of the model."""
    catalog.extend = lambda extensions: setattr(extensions.model, "model", compiled(ROBOT_LAYER, AI_RESOURCE_LAYER))
    catalog.write(
        "a.yaml",
        make_component("web")
        + "---\napiVersion: example.org/v1\nkind: Robot\nmetadata: {name: r2}\nspec: {boss: team}\n"
        + "---\napiVersion: backstage.io/v1alpha1\nkind: AiResource\nmetadata: {name: skill}\n"
        + "spec: {type: skill, lifecycle: x, owner: team}\n",
    )
    await catalog.start("a.yaml", catalog={"rules": [{"allow": ["Component", "Robot", "AiResource", "Location"]}]})
    assert await catalog.refs() == ["airesource:default/skill", "component:default/web", "robot:default/r2"]
    assert await catalog.relations("robot:default/r2") == [("ownedBy", "group:default/team")]
    names = [one.name for one in catalog.running._processors.all]
    assert "ModelProcessor" in names
    assert "BuiltinKindsEntityProcessor" not in names


async def test_a_module_brings_its_model() -> None:
    """K545, K298: a module adds a source, entities of its kinds are valid, and the model is described with them."""

    @create_backend_module(plugin_id="catalog", module_id="robots")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(model: CatalogModelPoint) -> None:
            model.add_model_source(static_model(ROBOT_LAYER))

    features = [catalog_feature, module, mock_services.root_config.factory(data={})]
    body = {"entity": entity("Robot", "example.org/v1", boss="x"), "location": "url:https://x"}
    async with start_test_backend(features=features) as backend:
        known = await backend.client.post("/api/catalog/validate-entity", json=body)
        body["entity"]["spec"]["boss"] = 3  # type: ignore[index]
        broken = await backend.client.post("/api/catalog/validate-entity", json=body)
    assert known.status_code == 200
    assert "/spec/boss must be string" in broken.json()["errors"][0]["message"]
    text = describe_model(compiled(ROBOT_LAYER))
    assert "### Robot\n\nA machine. `apiVersion`: `example.org/v1`." in text
    assert "* `spec.boss`: a text, references to entities of kind Group if none is written" in text
