"""What modules may change of the catalog, and settings of processors."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog.extensions import ModelExtensions
from understage.catalog_api import (
    CatalogLocations,
    CatalogModel,
    CatalogProcessing,
    CatalogProcessor,
    EntityJson,
    FieldValidators,
    LocationRef,
)
from understage.config import ConfigError
from understage.errors import ConflictError
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module
from understage.testing import mock_services, start_test_backend

Catalog = Any
Component = Callable[..., str]


async def test_a_module_may_set_which_locations_are_allowed() -> None:
    """K543: only the types that a module allows can be registered, and Locations may name them from anywhere."""

    @create_backend_module(plugin_id="catalog", module_id="types")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(locations: CatalogLocations) -> None:
            locations.set_allowed_location_types(["wiki", "git"])

    features = [catalog_feature, module, mock_services.root_config.factory(data={})]
    async with start_test_backend(features=features) as backend:
        good = await backend.client.post("/api/catalog/locations", json={"type": "wiki", "target": "a"})
        bad = await backend.client.post("/api/catalog/locations", json={"type": "url", "target": "https://x"})
    assert good.status_code == 201
    assert bad.status_code == 400
    assert 'must be of an allowed type ["wiki","git"]' in bad.json()["error"]["message"]


async def test_locations_may_name_targets_of_allowed_types(catalog: Catalog, make_component: Component) -> None:
    """K383: a Location at an address may name targets of its own and of the allowed types, and no others."""

    class Wiki(CatalogProcessor):
        async def read_location(self, location: LocationRef, *, optional: bool, emit: Any, cache: Any) -> bool:
            if location.type == "wiki":
                spec = {"type": "service", "lifecycle": "production", "owner": "team"}
                head = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "web"}}
                emit.entity({**head, "spec": spec}, location=location)
            return location.type == "wiki"

    catalog.web.files["https://x/a.yaml"] = "\n".join(
        f"---\napiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {kind}}}\n"
        f"spec: {{type: {kind}, target: /etc/passwd}}"
        for kind in ("wiki", "file")
    )
    catalog.extend = lambda extensions: extensions.locations.set_allowed_location_types(["wiki"])
    settings = {"locations": [{"type": "url", "target": "https://x/a.yaml"}]}
    await catalog.start(catalog=settings, processors=[Wiki()])
    assert await catalog.refs() == ["component:default/web"]
    assert await catalog.get("location:default/file") is None
    assert "may name targets of the types url, wiki only" in " ".join(catalog.logs.problems())


async def test_field_validators_can_be_replaced(catalog: Catalog, make_component: Component) -> None:
    """K319: each validator that a module gives takes the place of the catalog's own, the others stay."""

    def extend(extensions: Any) -> None:
        extensions.model.set_field_validators(FieldValidators(entity_name=lambda value: value[0] in "xg"))
        extensions.model.set_field_validators(FieldValidators(tag=lambda value: value == "Any Tag"))

    catalog.extend = extend
    good = make_component("x y").replace("name: x y", "name: 'x y', tags: ['Any Tag']")
    catalog.write("a.yaml", good + make_component("web") + make_component("xx").replace("Component", "Comp onent"))
    await catalog.start("a.yaml", catalog={"rules": [{"allow": ["Component", "Comp onent", "Location"]}]})
    assert await catalog.refs() == ["component:default/x y"]


@pytest.mark.parametrize(
    ("validator", "member"),
    [
        ("api_version", "apiVersion"),
        ("kind", "kind"),
        ("entity_name", "metadata.name"),
        ("namespace", "metadata.namespace"),
        ("label_key", "labels.a"),
        ("label_value", "labels.a"),
        ("annotation_key", "annotations.b"),
        ("annotation_value", "annotations.b"),
        ("tag", "tags.0"),
    ],
)
def test_each_of_the_nine_validators_counts(validator: str, member: str) -> None:
    """K319: a validator that refuses everything makes its own member the culprit."""
    from understage.catalog.model.field_formats import FieldFormatError, check_field_formats

    extensions = ModelExtensions()
    extensions.set_field_validators(FieldValidators(**{validator: lambda value: False}))
    metadata = {"name": "n", "namespace": "x", "labels": {"a": "v"}, "annotations": {"b": "v"}, "tags": ["t"]}
    entity = {"apiVersion": "v1", "kind": "K", "metadata": metadata}
    check_field_formats(entity)
    with pytest.raises(FieldFormatError, match=f'^"{member}" is not valid'):
        check_field_formats(entity, extensions.formats)


def parse_lines(data: bytes, location: LocationRef) -> Iterator[EntityJson | Exception]:
    for line in data.decode().splitlines():
        if line == "bad":
            yield ValueError(f"a bad line in {location}")
        else:
            spec = {"type": "service", "lifecycle": "production", "owner": "team"}
            head = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": line}}
            yield {**head, "spec": spec}


async def test_the_parser_of_files_can_be_replaced(catalog: Catalog) -> None:
    """K544: files and addresses go to the parser that a module sets; broken parts are errors of their own."""
    catalog.extend = lambda extensions: extensions.model.set_entity_data_parser(parse_lines)
    path = catalog.write("a.txt", "one\nbad\ntwo")
    catalog.web.files["https://x/b.txt"] = "three"
    locations = [{"type": "file", "target": str(path)}, {"type": "url", "target": "https://x/b.txt"}]
    await catalog.start(catalog={"locations": locations})
    assert await catalog.refs() == ["component:default/one", "component:default/three", "component:default/two"]
    assert f"a bad line in file:{path}" in " ".join(catalog.logs.problems())


async def test_another_parser_reads_known_files_anew(catalog: Catalog, make_component: Component) -> None:
    """K544: after a restart with another parser, files that have not changed are parsed again all the same."""
    catalog.write("a.txt", "one")
    await catalog.start("a.txt")
    assert await catalog.refs() == []
    catalog.extend = lambda extensions: extensions.model.set_entity_data_parser(parse_lines)
    await catalog.start("a.txt")
    await catalog.later()
    assert await catalog.refs() == ["component:default/one"]


def test_the_parser_is_set_once() -> None:
    """K544: two modules cannot both replace the parser."""
    extensions = ModelExtensions()
    extensions.set_entity_data_parser(parse_lines)
    with pytest.raises(ConflictError, match="set twice"):
        extensions.set_entity_data_parser(parse_lines)


async def test_a_handler_is_told_of_errors(catalog: Catalog, make_component: Component) -> None:
    """K541: the handler gets the entity as it was found with all errors, once until they change; its own do no harm."""
    told: list[tuple[str, list[str]]] = []

    async def handle(entity: EntityJson, errors: Sequence[Exception]) -> None:
        told.append((entity["metadata"]["name"], [type(error).__name__ for error in errors]))
        raise RuntimeError("the handler is broken")

    catalog.extend = lambda extensions: setattr(extensions.processing, "error_handler", handle)
    catalog.write("a.yaml", make_component("bad").replace("owner: team", "owner: 3") + make_component("good"))
    await catalog.start("a.yaml")
    await catalog.later()
    assert told == [("bad", ["InputError"])]
    assert await catalog.refs() == ["component:default/good"]
    assert "A handler of processing errors has failed" in [message for _, message, _ in catalog.logs.entries]


async def test_modules_reach_the_extension_points(tmp_path: Path) -> None:
    """K540, K541, K544: a module gets all four extension points, and what it adds takes effect in a backend."""
    from understage.catalog_api import Placeholder

    async def resolve(placeholder: Placeholder) -> Any:
        return "service"

    @create_backend_module(plugin_id="catalog", module_id="all")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(processing: CatalogProcessing, model: CatalogModel) -> None:
            async def handle(entity: EntityJson, errors: Sequence[Exception]) -> None: ...

            processing.set_on_processing_error_handler(handle)
            processing.add_placeholder_resolver("kindly", resolve)
            model.set_entity_data_parser(parse_lines)
            model.set_field_validators(FieldValidators(entity_name=lambda value: True))

    file = tmp_path / "a.txt"
    file.write_text("any name")
    data = {"catalog": {"locations": [{"type": "file", "target": str(file)}]}}
    features = [catalog_feature, module, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features) as backend:
        for _ in range(500):
            response = await backend.client.get("/api/catalog/entities/by-name/component/default/any%20name")
            if response.status_code == 200:
                break
        body = {
            "location": "url:https://x/y",
            "entity": {
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "Component",
                "metadata": {"name": "some name"},
                "spec": {"type": {"$kindly": 1}, "lifecycle": "production", "owner": "team"},
            },
        }
        valid = await backend.client.post("/api/catalog/validate-entity", json=body)
    assert response.status_code == 200
    assert valid.status_code == 200, valid.text


class Plain(CatalogProcessor):
    """A processor with a name."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        return self._name


async def test_the_built_in_processors_have_their_order(sqlite_catalog: Catalog) -> None:
    """K415, K513: placeholders come first, kinds, readers, annotations, then what modules add; settings move them."""
    await sqlite_catalog.start(processors=[Plain("mine")])
    built_in = [
        "PlaceholderProcessor",
        "BuiltinKindsEntityProcessor",
        "FileReaderProcessor",
        "url-reader",
        "AnnotateLocationEntityProcessor",
    ]
    names = [one.name for one in sqlite_catalog.running._processors.all]
    assert names == [*built_in, "mine"]
    options = {"url-reader": {"priority": 5}, "PlaceholderProcessor": {"disabled": True}, "mine": {"priority": 10}}
    await sqlite_catalog.start(processors=[Plain("mine")], catalog={"processorOptions": options})
    names = [one.name for one in sqlite_catalog.running._processors.all]
    assert names == ["url-reader", "mine", *(built_in[1], built_in[2], built_in[4])]


async def test_default_processors_can_be_left_out(sqlite_catalog: Catalog) -> None:
    """K515: `disableDefaultProcessors` leaves out the readers and the annotations, not placeholders and kinds."""
    await sqlite_catalog.start(processors=[Plain("mine")], catalog={"disableDefaultProcessors": True})
    names = [one.name for one in sqlite_catalog.running._processors.all]
    assert names == ["PlaceholderProcessor", "BuiltinKindsEntityProcessor", "mine"]


async def test_a_module_may_bring_the_built_in_kinds(sqlite_catalog: Catalog) -> None:
    """K415: a processor with the name of the one of the built-in kinds takes its place."""
    mine = Plain("BuiltinKindsEntityProcessor")
    await sqlite_catalog.start(processors=[mine])
    assert sqlite_catalog.running._processors.all[-1] is mine
    assert [one.name for one in sqlite_catalog.running._processors.all].count(mine.name) == 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"processors": {"github": {}}}, "move it to integrations.github"),
        ({"processors": {"gitlabApi": {"x": 1}}}, "move it to integrations.gitlab"),
        ({"locations": [{"type": "github-org", "target": "https://github.com/acme"}]}, "GithubOrgReaderProcessor"),
    ],
)
async def test_settings_of_old_stop_the_start(sqlite_catalog: Catalog, settings: dict[str, Any], text: str) -> None:
    """K518: settings that have moved, and location types whose processor is missing, are told with what to do."""
    with pytest.raises(ConfigError, match=text):
        sqlite_catalog.create(catalog=settings)


async def test_a_type_of_old_is_fine_with_its_processor(
    sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K518: with the processor installed, or with the variable that skips the check, such locations start."""
    settings = {"locations": [{"type": "github-org", "target": "https://github.com/acme"}]}
    sqlite_catalog.create(catalog=settings, processors=[Plain("GithubOrgReaderProcessor")])
    monkeypatch.setenv("BACKSTAGE_CATALOG_SKIP_MISSING_PROCESSORS_CHECK", "true")
    sqlite_catalog.create(catalog=settings)


async def test_removed_settings_are_told(sqlite_catalog: Catalog) -> None:
    """K518: settings without effect are warned of."""
    sqlite_catalog.create(catalog={"stitchingStrategy": {"mode": "immediate"}, "enableRelationsCompatibility": True})
    told = [message for level, message, _ in sqlite_catalog.logs.entries if level == "warning"]
    assert len(told) == 2
    assert "catalog.stitchingStrategy.mode is not read any more" in told[0]
