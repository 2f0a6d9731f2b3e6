"""What providers may do, and what keeps them from doing harm."""

from typing import Any

import pytest

from understage.catalog_api import Removal, RemovalRefusedError
from understage.errors import InputError

Catalog = Any

WEB = "component:default/web"
ELSEWHERE = "url:http://x/elsewhere"


async def test_a_source_that_fails_deletes_nothing(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K446: a full mutation without any entities is refused, names its provider and what to do, and changes nothing.

    deviation: upstream deletes all that the provider has brought.
    """
    provider = make_provider()
    await catalog.start(providers=[provider])
    await provider.full(make_deferred("web"), make_deferred("db"))
    await catalog.settle()
    before = await catalog.snapshot()
    with pytest.raises(RemovalRefusedError) as refusal:
        await provider.full()
    assert str(refusal.value) == (
        "the entity provider 'test-provider' would remove 2 of its 2 entities, which is all that it has brought: "
        "nothing was changed, because its source may be failing. If they are really gone, let the provider pass "
        "force=True, or set catalog.providerOptions.test-provider.removalGuard to false until it has run"
    )
    assert await catalog.snapshot() == before
    await provider.full(force=True)
    assert await catalog.refs() == []


async def test_too_many_at_once_are_not_removed(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K446: a full mutation that leaves out more than half of many entities is refused, whatever else it brings."""
    provider = make_provider()
    await catalog.start(providers=[provider])
    entities = [make_deferred(f"c{number}") for number in range(60)]
    await provider.full(*entities)
    await provider.full(*entities[:30])
    await provider.full(*entities)
    with pytest.raises(RemovalRefusedError, match=r"would remove 31 of its 60 entities, which is more than 50 %"):
        await provider.full(*entities[:29], *[make_deferred(f"new{number}") for number in range(50)])
    assert len(await catalog.database.fetch("SELECT 1 FROM refresh_state")) == 60
    await provider.full(*[make_deferred(f"c{number}", ELSEWHERE) for number in range(60)])
    await provider.full(*[make_deferred(f"c{number}", ELSEWHERE) for number in range(30)])
    await provider.full(
        make_deferred("c0", ELSEWHERE), *[make_deferred(f"c{number}", ELSEWHERE) for number in range(10, 20)]
    )
    assert len(await catalog.database.fetch("SELECT 1 FROM refresh_state")) == 11


@pytest.mark.parametrize(
    "settings",
    [
        {"removalGuard": False},
        {"removalGuard": False, "providerOptions": {"test-provider": {"disabled": False}}},
        {"providerOptions": {"test-provider": {"removalGuard": False}}},
    ],
)
async def test_the_guard_can_be_turned_off(
    sqlite_catalog: Catalog, make_provider: Any, make_deferred: Any, settings: dict[str, Any]
) -> None:
    """K446, K514: without a guard, for all providers or for one, a full mutation may remove everything."""
    provider = make_provider()
    await sqlite_catalog.start(providers=[provider], catalog=settings)
    await provider.full(make_deferred("web"))
    await provider.full()
    assert await sqlite_catalog.refs() == []


async def test_the_guard_is_configured_for_one_or_for_all(
    sqlite_catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K446, K514: what is not set for a provider is as it is set for all."""
    strict, lax = make_provider("strict"), make_provider("lax")
    settings = {
        "removalGuard": {"minimum": 0, "maxPercentage": 10},
        "providerOptions": {"lax": {"removalGuard": {"maxPercentage": 60}}},
    }
    await sqlite_catalog.start(providers=[strict, lax], catalog=settings)
    for provider in (strict, lax):
        await provider.full(*[make_deferred(f"{provider.name}{number}") for number in range(2)])
    await lax.full(make_deferred("lax0"))
    with pytest.raises(RemovalRefusedError, match="'strict' would remove 1 of its 2 entities, which is more than 10 %"):
        await strict.full(make_deferred("strict0"))


async def test_a_provider_that_brings_nothing_at_start_does_not_stop_it(
    sqlite_catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K445: a refused mutation while a provider is connected is logged; the catalog starts with what it knows."""

    class Eager(make_provider):  # type: ignore[misc]
        async def connect(self, connection: Any) -> None:
            await super().connect(connection)
            await self.full()

    provider = make_provider()
    await sqlite_catalog.start(providers=[provider])
    await provider.full(make_deferred("web"))
    await sqlite_catalog.start(providers=[Eager()])
    assert sqlite_catalog.failures == []
    assert [text for _, text, _ in sqlite_catalog.logs.entries if "too little" in text]
    assert await sqlite_catalog.refs() == [WEB]


async def test_an_entity_is_removed_where_it_was(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K447, K548: a removal that names a location removes nothing that is elsewhere by now.

    deviation: upstream does not look at the location of a removal.
    """
    provider = make_provider()
    await catalog.start(providers=[provider])
    await provider.delta(make_deferred("web"), make_deferred("db"), make_deferred("api"))
    await provider.delta(removed=[Removal(WEB, ELSEWHERE), Removal("Component:default/DB", "url:http://x/y")])
    await provider.delta(removed=[Removal("component:default/api"), "component:default/unknown"])
    await catalog.settle()
    assert await catalog.refs() == [WEB]


async def test_one_of_several_providers_lets_go(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K447, K452: what another provider brings as well stays."""
    one, two = make_provider("one"), make_provider("two")
    await catalog.start(providers=[one, two])
    for provider in (one, two):
        await provider.full(make_deferred("web"))
    await one.delta(removed=[WEB])
    await catalog.settle()
    assert await catalog.refs() == [WEB]


async def test_a_provider_has_entities_looked_at_again(
    catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K453, K548: entities are due at once when one of their refresh keys is named; nothing else is."""
    provider = make_provider()
    await catalog.start(providers=[provider])
    await provider.full(make_deferred("web"), make_deferred("db"))
    await catalog.settle()
    await catalog.database.execute(
        "INSERT INTO refresh_keys (entity_id, key) SELECT entity_id, 'url:http://x/api.json' FROM refresh_state"
        " WHERE entity_ref = 'component:default/web'"
    )
    assert await provider.connection.refresh([]) == 0
    assert await provider.connection.refresh(["url:http://x/other"]) == 0
    assert await provider.connection.refresh(["url:http://x/api.json"]) == 1
    assert await catalog.running.engine.process_due() == 1


@pytest.mark.parametrize("strategy", ["delete", "keep"])
async def test_what_missing_providers_brought(
    catalog: Catalog, make_provider: Any, make_deferred: Any, strategy: str
) -> None:
    """K442: what a provider has brought that is no longer installed goes at start, or stays if so configured."""
    provider = make_provider()
    await catalog.start(providers=[provider])
    await provider.full(make_deferred("web"))
    await catalog.start(catalog={"orphanProviderStrategy": strategy})
    assert await catalog.refs() == ([] if strategy == "delete" else [WEB])


async def test_a_disabled_provider_is_as_one_that_is_missing(
    sqlite_catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K514, K442: a provider that is turned off is not connected, and what it had brought goes."""
    provider = make_provider()
    await sqlite_catalog.start(providers=[provider])
    await provider.full(make_deferred("web"))
    again = make_provider()
    off = {"providerOptions": {"test-provider": {"disabled": True}}}
    await sqlite_catalog.start(providers=[again], catalog=off)
    assert again.connection is None
    assert await sqlite_catalog.refs() == []


async def test_a_provider_replaces_the_built_in_one_of_its_name(
    sqlite_catalog: Catalog, make_provider: Any, make_deferred: Any, make_component: Any
) -> None:
    """K456: a provider named as a built-in one stands in its place."""
    sqlite_catalog.write("a.yaml", make_component("from-config"))
    provider = make_provider("ConfigLocationProvider")
    await sqlite_catalog.start("a.yaml", providers=[provider])
    await provider.full(make_deferred("web"))
    await sqlite_catalog.settle()
    assert await sqlite_catalog.refs() == [WEB]


async def test_a_removal_without_a_proper_name_is_refused(
    sqlite_catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K450: a mutation with a name that is none is refused as a whole."""
    provider = make_provider()
    await sqlite_catalog.start(providers=[provider])
    with pytest.raises(InputError, match="':web'"):
        await provider.delta(make_deferred("db"), removed=[":web"])
    assert await sqlite_catalog.database.fetch("SELECT 1 FROM refresh_state") == []
