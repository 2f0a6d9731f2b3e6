"""Events of source hosts: who hears of them, and what the catalog does about them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog import feature as catalog_feature
from understage.catalog.config import read_catalog_config
from understage.catalog.database import locations as table
from understage.catalog.database.locations import Location
from understage.catalog.locations import entity_ref_of
from understage.catalog.scm_reactions import is_below, moved
from understage.catalog_api import LocationRef
from understage.catalog_api.scm_events import (
    CatalogScmEvents,
    CatalogScmEventsService,
    ScmEvent,
    ScmMoveEvent,
)
from understage.catalog_api.scm_events_service import DefaultCatalogScmEvents, ScmEventsHub
from understage.config import config_from_data
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module
from understage.testing import mock_services, start_test_backend

Catalog = Any

REPOSITORY = "https://github.com/owner/web"
FILE = f"{REPOSITORY}/blob/main/catalog-info.yaml"
OTHER = "https://github.com/owner/website/blob/main/catalog-info.yaml"


def service(catalog: Catalog) -> DefaultCatalogScmEvents:
    return DefaultCatalogScmEvents(ScmEventsHub(), catalog.logs, catalog.metrics)


async def start(catalog: Catalog, settings: Any, *targets: str) -> CatalogScmEventsService:
    """Starts a catalog with registered locations that reacts to events."""
    for target in targets:
        ref = LocationRef("url", target)
        await table.insert(catalog.database, Location(str(uuid4()), "url", target, entity_ref_of(ref)))
    await catalog.start(catalog={"scmEvents": settings})
    events = service(catalog)
    catalog.running.react_to(events, catalog.metrics)
    return events


async def registered(catalog: Catalog) -> list[str]:
    return sorted(location.target for location in await table.find_all(catalog.database))


async def brought(catalog: Catalog) -> list[str]:
    """Returns the targets of all Locations in the catalog."""
    await catalog.settle()
    rows = await catalog.database.fetch("SELECT location_key FROM refresh_state WHERE entity_ref LIKE 'location:%'")
    return sorted(row[0].removeprefix("url:") for row in rows)


async def due(catalog: Catalog) -> list[str]:
    query = "SELECT entity_ref FROM refresh_state WHERE next_update_at <= $1 ORDER BY entity_ref"
    return [row[0] for row in await catalog.database.fetch(query, datetime.now(UTC))]


def actions(catalog: Catalog, action: str) -> Any:
    return catalog.metrics.total("catalog.events.scm.actions", {"action": action})


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, (False, False, False)),
        ({"scmEvents": False}, (False, False, False)),
        ({"scmEvents": True}, (True, True, True)),
        ({"scmEvents": {}}, (True, True, True)),
        ({"scmEvents": {"move": False}}, (True, True, False)),
        ({"scmEvents": {"refresh": False, "unregister": False}}, (False, False, True)),
    ],
)
def test_reactions_are_off_unless_configured(section: Any, expected: tuple[bool, bool, bool]) -> None:
    """K516: `scmEvents` is off by default, `true` is all on, and a section leaves on what it does not turn off."""
    reactions = read_catalog_config(config_from_data({"catalog": section})).scm_reactions
    assert (reactions.refresh, reactions.unregister, reactions.move) == expected


async def test_subscribers_do_not_harm_each_other(sqlite_catalog: Catalog) -> None:
    """K574: what a subscriber raises is logged, and reaches neither the others nor the publisher."""
    events = service(sqlite_catalog)
    heard: list[Any] = []

    async def fail(_: Sequence[ScmEvent | ScmMoveEvent]) -> None:
        raise ValueError("broken")

    async def hear(all_of_them: Sequence[ScmEvent | ScmMoveEvent]) -> None:
        heard.append(list(all_of_them))

    events.subscribe(fail)
    subscription = events.subscribe(hear)
    event = ScmEvent("repository.created", REPOSITORY)
    await events.publish([event])
    await events.publish([])
    subscription.unsubscribe()
    subscription.unsubscribe()
    await events.publish([event])
    assert heard == [[event]]
    assert len(sqlite_catalog.logs.problems()) == 2


async def test_a_file_that_changed_is_looked_at_again(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K573, K453: what is made of a changed file, or was found there, is due at once, also by the address of a view."""
    events = service(catalog)
    provider = make_provider()
    await catalog.start(providers=[provider], catalog={"scmEvents": {"move": False}})
    catalog.running.react_to(events, catalog.metrics)
    await provider.full(make_deferred("web"), make_deferred("api"), make_deferred("docs"), make_deferred("other"))
    await catalog.settle()
    insert = (
        "INSERT INTO refresh_keys (entity_id, key)"
        " SELECT entity_id, CAST($2 AS text) FROM refresh_state WHERE entity_ref = $1"
    )
    await catalog.database.execute(insert, "component:default/api", f"url:{REPOSITORY}/blob/main/API.yaml")
    await catalog.database.execute(insert, "component:default/docs", f"url:{REPOSITORY}/tree/main/docs")
    await events.publish([ScmEvent("location.created", f"{REPOSITORY}/blob/main/API.yaml")])
    assert await due(catalog) == []
    await events.publish(
        [
            ScmEvent("location.updated", f"{REPOSITORY}/blob/main/API.yaml"),
            ScmEvent("location.updated", f"{REPOSITORY}/blob/main/docs"),
        ]
    )
    assert await due(catalog) == ["component:default/api", "component:default/docs"]
    await catalog.settle()
    await events.publish(
        [ScmEvent("repository.updated", REPOSITORY), ScmEvent("repository.updated", f"{REPOSITORY}?x")]
    )
    assert await due(catalog) == ["component:default/api", "component:default/docs"]
    await catalog.settle()
    await events.publish([ScmEvent("location.updated", "http://x/y")])
    assert len(await due(catalog)) == 4, "all were found there"
    assert actions(catalog, "refresh") == 8
    assert catalog.metrics.total("catalog.events.scm.messages", {"eventType": "location.updated"}) == 3


async def test_a_deleted_file_is_unregistered(catalog: Catalog) -> None:
    """K573: the registered location of a deleted file goes, with what it led to; others stay."""
    events = await start(catalog, {"refresh": False}, FILE, OTHER)
    await events.publish([ScmEvent("location.deleted", FILE), ScmEvent("location.deleted", "https://github.com/x")])
    assert await registered(catalog) == await brought(catalog) == [OTHER]
    assert actions(catalog, "delete") == 1


async def test_all_of_a_deleted_repository_is_unregistered(catalog: Catalog) -> None:
    """K573: with a repository go the registered locations in it, not those in one whose name begins alike."""
    events = await start(catalog, True, FILE, f"{REPOSITORY}/tree/main/docs", OTHER)
    await events.publish([ScmEvent("repository.deleted", f"{REPOSITORY}/")])
    assert await registered(catalog) == await brought(catalog) == [OTHER]
    assert actions(catalog, "delete") == 2


async def test_a_moved_file_keeps_its_registration(catalog: Catalog) -> None:
    """K573: a registered location follows its file; a file that is not registered is not registered by its move."""
    events = await start(catalog, True, FILE, OTHER)
    ids = {location.target: location.id for location in await table.find_all(catalog.database)}
    new = f"{REPOSITORY}/blob/main/backstage.yaml"
    await events.publish([ScmMoveEvent("location.moved", FILE, new)])
    await events.publish([ScmMoveEvent("location.moved", f"{REPOSITORY}/blob/main/unknown.yaml", f"{new}.old")])
    assert await registered(catalog) == await brought(catalog) == sorted([new, OTHER])
    location = await table.find_by_target(catalog.database, "url", new)
    assert location is not None
    assert location.id == ids[FILE]
    await events.publish([ScmMoveEvent("location.moved", new, OTHER)])
    assert await registered(catalog) == await brought(catalog) == [OTHER]
    assert actions(catalog, "move") == 2


async def test_a_moved_repository_takes_its_locations_along(catalog: Catalog) -> None:
    """K573: registered locations in a repository that gets another name or branch follow it."""
    events = await start(catalog, True, FILE, OTHER)
    await events.publish([ScmMoveEvent("repository.moved", REPOSITORY, "https://github.com/owner/shop")])
    await events.publish([ScmMoveEvent("repository.moved", f"{REPOSITORY}?x", "https://github.com/owner/shop2")])
    new = "https://github.com/owner/shop/blob/main/catalog-info.yaml"
    assert await registered(catalog) == await brought(catalog) == sorted([new, OTHER])
    tree = "https://github.com/owner/shop/tree"
    await events.publish([ScmMoveEvent("repository.moved", f"{tree}/main", f"{tree}/trunk")])
    assert len(await registered(catalog)) == 2
    assert await registered(catalog) == sorted([f"{tree}/trunk/catalog-info.yaml", OTHER])


async def test_what_is_turned_off_is_left_alone(catalog: Catalog) -> None:
    """K516: without `unregister` and `move` registered locations stay as they are."""
    events = await start(catalog, {"unregister": False, "move": False}, FILE)
    await events.publish([ScmEvent("repository.deleted", REPOSITORY), ScmMoveEvent("location.moved", FILE, OTHER)])
    assert await registered(catalog) == [FILE]


segments = st.text(alphabet="abc-.", min_size=1, max_size=5)


@given(st.lists(segments, max_size=4), st.lists(segments, max_size=4))
def test_what_was_moved_is_where_it_was_moved_to(path: list[str], folder: list[str]) -> None:
    """K573: an address within a repository is within the one that it was moved to, and nothing else is."""
    target = "/".join([REPOSITORY, *path])
    to = "/".join(["https://example.com/new", *folder])
    assert is_below(target, REPOSITORY)
    assert is_below(moved(target, REPOSITORY, to), to)
    assert moved(moved(target, REPOSITORY, to), to, REPOSITORY) == target
    assert not is_below(f"{REPOSITORY}x/{'/'.join(path)}", REPOSITORY)


async def test_the_service_is_shared_by_all_of_a_process() -> None:
    """K573, K574: a module asks for the service by its alias, and meets the subscribers of the whole process."""
    heard: list[Any] = []

    @create_backend_module(plugin_id="catalog", module_id="host")
    def host(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(events: CatalogScmEvents) -> None:
            async def hear(all_of_them: Sequence[ScmEvent | ScmMoveEvent]) -> None:
                heard.extend(all_of_them)

            events.subscribe(hear)
            await events.publish([ScmEvent("repository.created", REPOSITORY)])

    config = mock_services.root_config.factory(data={"catalog": {"scmEvents": True}})
    async with start_test_backend(features=[catalog_feature, host, config]):
        assert heard == [ScmEvent("repository.created", REPOSITORY)]
