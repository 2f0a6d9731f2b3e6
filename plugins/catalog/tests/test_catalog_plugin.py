"""The plugin in a backend: configuration, extension points, background work, the client."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until

from understage.catalog import feature as catalog
from understage.catalog.config import read_catalog_config, schema
from understage.catalog_api import (
    FILTER_EXISTS,
    CatalogClient,
    CatalogProcessing,
    DeferredEntity,
    EntityProviderConnection,
    FullMutation,
)
from understage.config import Config, ConfigError, config_from_data
from understage.errors import ConflictError
from understage.plugin_api import ModuleRegistrationPoints, core_services, create_backend_module, create_service_factory
from understage.testing import TestBackend, mock_credentials, mock_services, start_test_backend
from understage.wiring import BackendStartupError

Component = Callable[..., str]

GROUP = """---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team}
spec: {type: team, children: []}
"""


async def names(backend: TestBackend) -> list[str]:
    response = await backend.client.get("/api/catalog/entities?filter=kind=component&order=asc:metadata.name")
    assert response.status_code == 200, response.text
    return [entity["metadata"]["name"] for entity in response.json()]


def settings(*targets: Path, **catalog_settings: Any) -> dict[str, Any]:
    locations = [{"type": "file", "target": str(target)} for target in targets]
    return {"catalog": {"locations": locations, "processingInterval": "1s", **catalog_settings}}


async def test_a_backend_reads_files_and_follows_their_changes(tmp_path: Path, make_component: Component) -> None:
    """K17, K406: files are served to those with credentials, and read again after the interval."""
    file = tmp_path / "a.yaml"
    file.write_text(make_component("web"))
    async with start_test_backend(
        features=[catalog, mock_services.root_config.factory(data=settings(file))]
    ) as backend:
        await until(lambda: _is(backend, ["web"]))
        nobody = await backend.client.get("/api/catalog/entities", headers=mock_credentials.none.header())
        assert nobody.status_code == 401
        service = await backend.client.get("/api/catalog/entities?limit=1", headers=mock_credentials.service.header())
        assert service.status_code == 200
        file.write_text(make_component("web") + make_component("more"))
        await until(lambda: _is(backend, ["more", "web"]))


async def _has(backend: TestBackend, name: str) -> bool:
    return (await backend.client.get(f"/api/catalog/entities/by-name/{name}")).status_code == 200


async def _is(backend: TestBackend, expected: list[str]) -> bool:
    return await names(backend) == expected


async def test_files_are_relative_to_the_working_directory(
    tmp_path: Path, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K455: a relative target of the configuration starts at the working directory and is stored absolute."""
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/a.yaml").write_text(make_component("web"))
    monkeypatch.chdir(tmp_path)
    data = settings(Path("./entities/*.yaml"))
    async with start_test_backend(features=[catalog, mock_services.root_config.factory(data=data)]) as backend:
        await until(lambda: _is(backend, ["web"]))
        (location,) = (await backend.client.get("/api/catalog/entities?filter=kind=location")).json()
    assert location["spec"] == {"type": "file", "target": f"{tmp_path}/entities/*.yaml"}
    assert location["metadata"]["annotations"]["backstage.io/managed-by-location"] == f"file:{tmp_path}/entities/*.yaml"


async def test_the_client_reads_what_the_plugin_serves(tmp_path: Path, make_component: Component) -> None:
    """K555, K558: the Python client and the plugin understand each other."""
    file = tmp_path / "a.yaml"
    file.write_text("".join(make_component(name, owner=f"team-{name}") for name in ("a", "b", "c")))
    async with start_test_backend(
        features=[catalog, mock_services.root_config.factory(data=settings(file))]
    ) as backend:
        await until(lambda: _is(backend, ["a", "b", "c"]))
        client = CatalogClient(
            await backend.service(core_services.discovery), await backend.service(core_services.root_http_client)
        )
        token = mock_credentials.service.token()
        first = await client.query_entities(
            filter={"kind": "component", "spec.owner": FILTER_EXISTS},
            order=[("metadata.name", "desc")],
            limit=2,
            token=token,
        )
        assert [entity["metadata"]["name"] for entity in first.items] == ["c", "b"]
        assert first.total_items == 3
        second = await client.query_entities(cursor=first.page_info.next_cursor, token=token)
        assert [entity["metadata"]["name"] for entity in second.items] == ["a"]
        assert second.page_info.prev_cursor is not None
        entity = await client.get_entity_by_ref("Component:A", token=token)
        assert entity is not None
        assert entity["spec"]["owner"] == "team-a"
        assert await client.get_entity_by_ref("component:nope", token=token) is None
        assert [
            one and one["kind"] for one in await client.get_entities_by_refs(["component:b", "x:y"], token=token)
        ] == [
            "Component",
            None,
        ]
        facets = await client.get_entity_facets(["spec.owner"], token=token)
        assert [facet.value for facet in facets["spec.owner"]] == ["team-a", "team-b", "team-c"]
        assert (
            len(await client.get_entities(filter=[{"spec.owner": "team-a"}, {"spec.owner": "team-b"}], token=token))
            == 2
        )


class OneEntity:
    """Brings one component."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    @property
    def name(self) -> str:
        return "one-entity"

    async def connect(self, connection: EntityProviderConnection) -> None:
        if self._failure is not None:
            raise self._failure
        place = {"backstage.io/managed-by-location": "url:https://example.com/x"}
        entity = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": "provided", "annotations": place},
            "spec": {"type": "a", "lifecycle": "b", "owner": "c"},
        }
        await connection.apply_mutation(FullMutation([DeferredEntity(entity)]))


def provider_module(provider: OneEntity, module_id: str = "provider") -> Any:
    @create_backend_module(plugin_id="catalog", module_id=module_id)
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(processing: CatalogProcessing) -> None:
            processing.add_entity_provider(provider)

    return module


async def test_a_module_s_provider_brings_entities() -> None:
    """K445, K540: providers that modules add are connected once at start."""
    data = mock_services.root_config.factory(data=settings())
    async with start_test_backend(features=[catalog, provider_module(OneEntity()), data]) as backend:
        await until(lambda: _is(backend, ["provided"]))


async def test_a_failing_provider_is_its_module_s_failure(tmp_path: Path, make_component: Component) -> None:
    """K445: a provider that cannot be connected fails the module that added it, by name."""
    module = provider_module(OneEntity(ConnectionRefusedError("nobody there")))
    with pytest.raises(BackendStartupError) as raised:
        await start_test_backend(features=[catalog, module, mock_services.root_config.factory(data=settings())])
    text = str(raised.value)
    assert "provider" in text
    assert "the entity provider 'one-entity' could not be connected" in text
    file = tmp_path / "a.yaml"
    file.write_text(make_component("web"))
    tolerant = {
        **settings(file),
        "backend": {
            "startup": {"plugins": {"catalog": {"modules": {"provider": {"onPluginModuleBootFailure": "continue"}}}}}
        },
    }
    features = [catalog, module, mock_services.root_config.factory(data=tolerant)]
    async with start_test_backend(features=features) as backend:
        await until(lambda: _is(backend, ["web"]))


async def test_a_name_can_be_taken_once() -> None:
    """K540: the second module that adds a provider of the same name fails."""
    modules = [provider_module(OneEntity(), "first"), provider_module(OneEntity(), "second")]
    with pytest.raises(BackendStartupError, match="the entity provider 'one-entity' is added twice") as raised:
        await start_test_backend(features=[catalog, *modules])
    assert isinstance(raised.value, BackendStartupError)
    assert ConflictError.__name__ in str(raised.value)


async def test_a_changed_configuration_is_taken_over(tmp_path: Path, make_component: Component) -> None:
    """K389, K455: locations and rules that change in the configuration while it runs are taken over."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(make_component("first"))
    second.write_text(make_component("second"))
    config = mock_services.root_config(data=settings(first))

    @create_service_factory(service=core_services.root_config)
    def changing_config() -> Config:
        return config

    async with start_test_backend(features=[catalog, changing_config]) as backend:
        await until(lambda: _is(backend, ["first"]))
        config.update(settings(second))
        await until(lambda: _is(backend, ["second"]))
        second.write_text(make_component("second") + GROUP)
        config.update(settings(first, second, rules=[{"allow": ["Component", "Group"]}]))
        await until(lambda: _is(backend, ["first", "second"]))
        await until(lambda: _has(backend, "group/default/team"))
        config.update(settings())
        await until(lambda: _is(backend, []))


async def test_processing_can_be_off(tmp_path: Path, make_component: Component) -> None:
    """K407: with `processingInterval: false` this process serves what there is and processes nothing."""
    file = tmp_path / "a.yaml"
    file.write_text(make_component("web"))
    data = settings(file, processingInterval=False)
    async with start_test_backend(features=[catalog, mock_services.root_config.factory(data=data)]) as backend:
        await asyncio.sleep(0.3)
        assert await names(backend) == []


@pytest.mark.parametrize(
    ("value", "interval"),
    [(None, (100, 150)), (False, None), ("10s", (10, 15)), ({"minutes": 2}, (120, 180)), ("10ms", (1, 1.5))],
)
def test_intervals(value: Any, interval: tuple[float, float] | None) -> None:
    """K406, K407: by default 100 to 150 seconds; X means X to 1.5 X, at least a second; false means never."""
    data = {} if value is None else {"catalog": {"processingInterval": value}}
    assert read_catalog_config(config_from_data(data)).interval_seconds == interval


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"locations": [{"type": "file"}]}, r"catalog.locations\[0\].target: required value is missing"),
        ({"orphanStrategy": "burn"}, "catalog.orphanStrategy"),
        ({"processingInterval": "soon"}, "catalog.processingInterval: not a duration"),
        ({"rules": [{"allow": "Component"}]}, r"catalog.rules\[0\].allow"),
    ],
)
def test_a_wrong_setting_is_named(section: dict[str, Any], text: str) -> None:
    """K510: a value of the wrong type stops the start with its key."""
    with pytest.raises(ConfigError, match=text):
        read_catalog_config(config_from_data({"catalog": section}))


def test_the_schema_describes_the_section() -> None:
    """K519: the published schema knows every key of the section."""
    definition = schema()["$defs"]["CatalogConfig"]
    assert set(definition["properties"]) == {
        "rules",
        "locations",
        "readonly",
        "defaultLocationConflictStrategy",
        "orphanStrategy",
        "orphanProviderStrategy",
        "removalGuard",
        "scmEvents",
        "stitchingStrategy",
        "processingInterval",
        "providerOptions",
        "processorOptions",
        "disableDefaultProcessors",
    }


async def test_a_lost_database_is_survived(
    tmp_path: Path, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K408: an error of the database is logged, and the loop goes on when it works again."""
    file = tmp_path / "a.yaml"
    file.write_text(make_component("web"))
    async with start_test_backend(
        features=[catalog, mock_services.root_config.factory(data=settings(file))]
    ) as backend:
        await until(lambda: _is(backend, ["web"]))
        database = await backend.service(core_services.database, "catalog")
        await database.execute("ALTER TABLE refresh_state RENAME TO away")
        await asyncio.sleep(0.4)
        await database.execute("ALTER TABLE away RENAME TO refresh_state")
        file.write_text(make_component("web") + make_component("more"))
        await until(lambda: _is(backend, ["more", "web"]))
