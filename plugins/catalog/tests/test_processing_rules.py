"""Rules of processing: who reads, what is allowed to come, under which key, and what settings may say."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.catalog.config import read_catalog_config
from understage.catalog_api import (
    CatalogProcessor,
    DeferredEntity,
    Emit,
    EntityJson,
    EntityProviderConnection,
    FullMutation,
    LocationRef,
    ProcessorCache,
)
from understage.config import ConfigError, config_from_data

Catalog = Any
Component = Callable[..., str]


def entity(kind: str, name: str, **spec: Any) -> EntityJson:
    annotations = dict.fromkeys(
        ("backstage.io/managed-by-location", "backstage.io/managed-by-origin-location"), "pigeon:loft"
    )
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


COMPONENT = {"type": "service", "lifecycle": "production", "owner": "team"}


class Pigeons(CatalogProcessor):
    """Reads locations of the type `pigeon`."""

    def __init__(self, name: str, *, takes: bool = True, key: str | None = "by-location") -> None:
        self._name = name
        self._takes = takes
        self._key = key
        self.asked = 0

    @property
    def name(self) -> str:
        return self._name

    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        self.asked += 1
        if self._takes and self._key == "by-location":
            emit.entity(entity("Component", self._name, **COMPONENT), location=location)
        elif self._takes:
            emit.entity(entity("Component", self._name, **COMPONENT), location=location, location_key=self._key)
        return self._takes


PIGEON = {"locations": [{"type": "pigeon", "target": "loft"}]}


async def test_the_first_reader_that_takes_a_target_wins(catalog: Catalog) -> None:
    """K418: readers are asked in their order until one takes the target; the others are not asked."""
    readers = [Pigeons("deaf", takes=False), Pigeons("first"), Pigeons("second")]
    await catalog.start(catalog=PIGEON, processors=readers)
    assert await catalog.refs() == ["component:default/first"]
    assert [reader.asked for reader in readers] == [1, 1, 0]


async def test_without_a_reader_a_target_is_an_error(catalog: Catalog) -> None:
    """K386: a target whose type nobody reads is told, with what would help."""
    await catalog.start(catalog=PIGEON, processors=[Pigeons("deaf", takes=False)])
    (problem,) = catalog.logs.problems()
    assert "No processor was able to handle reading of pigeon:loft" in problem
    assert "add the module that does" in problem


@pytest.mark.parametrize(("key", "stored"), [("by-location", "pigeon:loft"), ("mine", "mine"), (None, None)])
async def test_a_child_is_held_by_its_key(catalog: Catalog, key: str | None, stored: str | None) -> None:
    """K422: a child is held by the key of its location unless the processor gives another one, or none."""
    await catalog.start(catalog=PIGEON, processors=[Pigeons("bird", key=key)])
    row = await catalog.database.fetch_row(
        "SELECT location_key FROM refresh_state WHERE entity_ref = 'component:default/bird'"
    )
    assert row[0] == stored


class Nest:
    """Brings a user and a Location."""

    name = "nest"

    async def connect(self, connection: EntityProviderConnection) -> None:
        user = entity("User", "dove", memberOf=[])
        place = entity("Location", "hole", type="pigeon", target="loft")
        await connection.apply_mutation(FullMutation([DeferredEntity(user, "a"), DeferredEntity(place, "b")]))


async def test_what_providers_bring_is_not_checked_by_rules(catalog: Catalog) -> None:
    """K390, K388: rules hold for what Locations lead to, not for what a provider brings itself."""
    rules = {"rules": [{"allow": ["API"]}]}
    await catalog.start(catalog=rules, providers=[Nest()], processors=[Pigeons("bird")])
    assert await catalog.refs() == ["user:default/dove"]
    assert "component:default/bird" in " ".join(catalog.logs.problems())


async def test_a_refused_kind_leaves_its_siblings_alone(catalog: Catalog, make_component: Component) -> None:
    """K388: a violation is an error of the Location that names the entity; what may come, comes.

    deviation: upstream one such document keeps all others of the file from coming.
    """
    path = catalog.write("a.yaml", make_component("web") + make_component("bad").replace("Component", "System"))
    await catalog.start("a.yaml", catalog={"rules": [{"allow": ["Component"]}]})
    assert await catalog.refs() == ["component:default/web"]
    (problem,) = catalog.logs.problems()
    assert f"Entity system:default/bad at file:{path} is not of an allowed kind for that location" in problem


async def test_a_kind_is_judged_by_its_processor(catalog: Catalog, make_component: Component) -> None:
    """K304: after the envelope, the processor that knows a kind says what is wrong with an entity of it."""

    class Strict(CatalogProcessor):
        async def validate_entity_kind(self, entity: EntityJson) -> bool:
            if entity["kind"] != "Nest":
                return False
            if entity["spec"].get("eggs") is None:
                raise ValueError("a nest has eggs")
            return True

    catalog.write("a.yaml", "apiVersion: birds.org/v1\nkind: Nest\nmetadata: {name: full}\nspec: {eggs: 3}\n")
    catalog.write("b.yaml", "apiVersion: birds.org/v1\nkind: Nest\nmetadata: {name: empty}\nspec: {}\n")
    await catalog.start("*.yaml", catalog={"rules": [{"allow": ["Nest", "Location"]}]}, processors=[Strict()])
    assert await catalog.refs() == ["nest:default/full"]
    (problem,) = catalog.logs.problems()
    assert "Strict threw an error while validating the entity nest:default/empty" in problem
    assert "a nest has eggs" in problem


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5m", (300, 450)), ({"minutes": 2, "seconds": 30}, (150, 225)), ("1ms", (1, 1.5)), (False, None)],
)
def test_intervals_are_texts_or_objects(written: object, seconds: tuple[float, float] | None) -> None:
    """K517: a duration is a text or an object of units, at least a second; `false` turns processing off."""
    settings = read_catalog_config(config_from_data({"catalog": {"processingInterval": written}}))
    assert settings.interval_seconds == seconds


@pytest.mark.parametrize(
    ("catalog", "key"),
    [
        ({"processingInterval": "soon"}, "catalog.processingInterval"),
        (
            {"locations": [{"type": "file", "target": "a", "rules": [{"allow": [{"kind": "API"}]}]}]},
            "catalog.locations",
        ),
        ({"locations": [{"type": "file"}]}, "catalog.locations"),
        ({"rules": [{"allow": "API"}]}, "catalog.rules"),
    ],
)
def test_wrong_settings_are_told_with_their_key(catalog: dict[str, Any], key: str) -> None:
    """K510, K517, K389: rules of locations allow plain kinds only; what is of the wrong type is told with its key."""
    with pytest.raises(ConfigError, match=key):
        read_catalog_config(config_from_data({"catalog": catalog}))
