"""Random work of several providers: names are never lost, never held by nobody, and never wanted in vain."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from understage.catalog_api import Removal

Catalog = Any

NAMES = [f"n{number}" for number in range(8)]
KEYS = [None, "url:http://x/1", "url:http://x/2", "url:http://x/3"]
PROVIDERS = 4
ROUNDS = 20


class Source:
    """A provider that remembers what it brings."""

    def __init__(self, provider: Any, deferred: Callable[..., Any], seed: int) -> None:
        self.provider = provider
        self.wanted: dict[str, str | None] = {}
        self._deferred = deferred
        self._random = random.Random(seed)

    async def act(self) -> None:
        """Makes a random mutation."""
        chosen = {name: self._random.choice(KEYS) for name in self._random.sample(NAMES, self._random.randint(0, 3))}
        match self._random.choice(("full", "add", "remove")):
            case "full":
                self.wanted = chosen
                await self.provider.full(*self._entities(chosen), force=True)
            case "add":
                self.wanted |= chosen
                await self.provider.delta(*self._entities(chosen))
            case _:
                gone = self._random.sample(NAMES, 3)
                self.wanted = {name: key for name, key in self.wanted.items() if name not in gone}
                await self.provider.delta(removed=[Removal(f"component:default/{name}") for name in gone])

    def _entities(self, chosen: dict[str, str | None]) -> list[Any]:
        return [self._deferred(name, key, owner=self.provider.name) for name, key in chosen.items()]


async def check(catalog: Catalog, sources: list[Source]) -> None:
    """Asserts that what is stored is what the providers want."""
    rows = await catalog.database.fetch("SELECT entity_ref, location_key FROM refresh_state")
    holders = {ref.rpartition("/")[2]: key for ref, key in rows}
    edges = await catalog.database.fetch("SELECT source_key, target_entity_ref FROM refresh_state_references")
    claims = await catalog.database.fetch("SELECT source_key, entity_ref FROM claims")
    leading = sorted((source, ref.rpartition("/")[2]) for source, ref in edges)
    waiting = sorted((source, ref.rpartition("/")[2]) for source, ref in claims)
    wanted = sorted((source.provider.name, name) for source in sources for name in source.wanted)
    assert sorted(leading + waiting) == wanted, "who wants a name either has it or waits, and nobody else does"
    assert set(holders) == {name for _, name in wanted}, "what is wanted is there, and nothing else is"
    assert set(holders) == {name for _, name in leading}, "what is there has somebody who brings it"
    for source in sources:
        for name, key in source.wanted.items():
            if (source.provider.name, name) in leading:
                assert holders[name] == key, "who has a name has it by its key"


@pytest.mark.parametrize("seed", range(4))
async def test_one_after_the_other(catalog: Catalog, make_provider: Any, make_deferred: Any, seed: int) -> None:
    """K446, K447, K460, K461, K462: after each mutation, whoever wants a name has it or waits for it."""
    providers = [make_provider(str(number)) for number in range(PROVIDERS)]
    await catalog.start(providers=providers)
    sources = [Source(one, make_deferred, seed * PROVIDERS + number) for number, one in enumerate(providers)]
    chooser = random.Random(seed)
    for _ in range(ROUNDS):
        await chooser.choice(sources).act()
        await check(catalog, sources)
    await catalog.settle()
    await check(catalog, sources)


@pytest.mark.parametrize("seed", range(2))
async def test_all_at_once(catalog: Catalog, make_provider: Any, make_deferred: Any, seed: int) -> None:
    """K451, K460, K462: mutations and processing at the same time leave nothing that the cleanup does not set right."""
    providers = [make_provider(str(number)) for number in range(PROVIDERS)]
    await catalog.start(providers=providers)
    sources = [Source(one, make_deferred, 1000 + seed * PROVIDERS + number) for number, one in enumerate(providers)]
    for _ in range(ROUNDS):
        await asyncio.gather(*[source.act() for source in sources], catalog.running.engine.work())
    await catalog.running.cleanup.clean_up()
    await catalog.running.cleanup.clean_up_circles()
    await catalog.settle()
    await check(catalog, sources)
    assert len(await catalog.refs()) == len({name for source in sources for name in source.wanted})
