"""Names that change hands at the very moment at which somebody else lets go of them, or brings them again.

One transaction is taken step by step: before each of its statements others do what they do, as far as locks let them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import combinations_with_replacement
from typing import Any

import msgspec
import pytest

from understage.catalog.database.references import delete_provider_edges
from understage.catalog.processing import engine as engine_module
from understage.catalog.processing import retrying
from understage.catalog.processing.cleanup import Cleanup
from understage.catalog.processing.retrying import OvertakenError
from understage.catalog.processing.storing import store_batch
from understage.catalog.providers.connection import ProviderConnection
from understage.catalog_api import CatalogProcessor, DeferredEntity, DeltaMutation, EntityJson, FullMutation
from understage.plugin_api import DatabaseConnection, DatabaseService

Catalog = Any
Act = Callable[[], Awaitable[None]]

_STATEMENTS = ("fetch", "fetch_row", "execute", "execute_many", "copy")
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
PARENT = "component:default/parent"
LEADING = 10
"""So many statements of storing a batch are about what the entities lead to; relations and index rows come then."""
ELSEWHERE = "url:http://x/elsewhere"


class Interruptions:
    """What others do before certain statements of a transaction, one after the other.

    Args:
        database: where they do it.
        planned: before which statement each one does what.
    """

    def __init__(self, database: DatabaseService, planned: Sequence[tuple[int, Act]]) -> None:
        self._database = database
        self._planned = list(planned)
        self._running: asyncio.Task[None] | None = None
        self.statements = 0
        self.done = 0

    async def step(self) -> None:
        """Lets those act whose turn it is, until they are done or wait for this transaction."""
        number, self.statements = self.statements, self.statements + 1
        while self._planned and self._planned[0][0] <= number and not self._is_busy():
            self._running = asyncio.ensure_future(self._planned.pop(0)[1]())
            self.done += 1
            while self._is_busy() and not (await self._database.fetch_row(BLOCKED) or (0,))[0]:  # noqa: ASYNC110 - a server
                await asyncio.sleep(0.001)

    async def finish(self) -> None:
        """Waits for who still waits."""
        if self._running is not None:
            await self._running

    def _is_busy(self) -> bool:
        return self._running is not None and not self._running.done()


class InterruptedConnection:
    """A connection before whose statements others act."""

    def __init__(self, connection: DatabaseConnection, interruptions: Interruptions) -> None:
        self._connection = connection
        self._interruptions = interruptions

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._connection, name)
        if name not in _STATEMENTS:
            return member

        async def interrupted(*arguments: Any, **named: Any) -> Any:
            await self._interruptions.step()
            return await member(*arguments, **named)

        return interrupted


class InterruptedDatabase:
    """A database in whose transactions others act before each statement."""

    def __init__(self, database: DatabaseService, interruptions: Interruptions) -> None:
        self._database = database
        self._interruptions = interruptions

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            await notice_deadlocks_soon(connection)
            yield InterruptedConnection(connection, self._interruptions)


async def notice_deadlocks_soon(connection: DatabaseConnection) -> None:
    """Keeps tests from waiting a second for each deadlock, where they may say so."""
    soon = "SELECT set_config('deadlock_timeout', '10ms', true) WHERE current_setting('is_superuser') = 'on'"
    await connection.fetch(soon)


@pytest.fixture(autouse=True)
def only_postgres(request: pytest.FixtureRequest) -> None:
    if "POSTGRES" not in request.node.name:
        pytest.skip("SQLite has one writer at a time")


def connect(catalog: Catalog, name: str, interruptions: Interruptions | None = None) -> ProviderConnection:
    database: Any = catalog.database
    if interruptions is not None:
        database = InterruptedDatabase(database, interruptions)
    return ProviderConnection(name, database, catalog.logs, lambda: None)


async def standing(catalog: Catalog, name: str) -> list[tuple[str, str]]:
    """Returns who has a name and who waits for it."""
    edges = await catalog.database.fetch(
        "SELECT COALESCE(source_key, source_entity_ref) FROM refresh_state_references WHERE target_entity_ref = $1",
        name,
    )
    claims = await catalog.database.fetch(
        "SELECT COALESCE(source_key, source_entity_ref) FROM claims WHERE entity_ref = $1", name
    )
    return sorted([(source, "has it") for (source,) in edges] + [(source, "waits") for (source,) in claims])


async def key_of(catalog: Catalog, name: str) -> str | None:
    row = await catalog.database.fetch_row("SELECT location_key FROM refresh_state WHERE entity_ref = $1", name)
    assert row is not None, f"{name} is gone"
    key: str | None = row[0]
    return key


def moments(count: int, acts: int) -> Iterator[tuple[int, ...]]:
    """Yields before which of so many statements, and the end, so many acts may happen one after the other."""
    return combinations_with_replacement(range(count), acts)


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("kind", ["removal", "full without it", "full with it", "change"])
async def test_a_provider_acts_while_its_name_is_taken_and_given_back(
    catalog: Catalog, make_deferred: Any, kind: str, is_shared: bool
) -> None:
    """K446, K447, K451, K461, K462: what a provider removes is gone, and what it brings is not lost, whoever takes the
    name over and lets go of it meanwhile.
    """
    taker, peer, plain = connect(catalog, "taker"), connect(catalog, "peer"), connect(catalog, "provider")

    wrong: dict[tuple[int, ...], Any] = {}

    async def attempt(number: int, when: tuple[int, ...]) -> int:
        name = f"n{number}"
        ref = f"component:default/{name}"
        mutations: dict[str, FullMutation | DeltaMutation] = {
            "removal": DeltaMutation(removed=[ref]),
            "full without it": FullMutation([]),
            "full with it": FullMutation([make_deferred(name, None)]),
            "change": DeltaMutation([make_deferred(name, None, owner="changed")]),
        }

        async def take() -> None:
            await taker.apply_mutation(DeltaMutation([make_deferred(name, owner="taker")]))

        async def give_back() -> None:
            await taker.apply_mutation(DeltaMutation(removed=[ref]))

        await plain.apply_mutation(FullMutation([make_deferred(name, None)]))
        if is_shared:
            await peer.apply_mutation(FullMutation([make_deferred(name, None)]))
        interruptions = Interruptions(catalog.database, list(zip(when, (take, give_back), strict=False)))
        await connect(catalog, "provider", interruptions).apply_mutation(mutations[kind])
        await interruptions.finish()
        is_taken = interruptions.done == 1
        wanted = (["peer"] if is_shared else []) + (["provider"] if kind in ("full with it", "change") else [])
        expected = [(one, "waits" if is_taken else "has it") for one in wanted]
        found = await standing(catalog, ref)
        if found != sorted(expected + ([("taker", "has it")] if is_taken else [])):
            wrong[when] = found
        elif found:
            assert (await key_of(catalog, ref) is None) != is_taken, f"who has it has it by its key, at {when}"
        await taker.apply_mutation(FullMutation([]))
        return interruptions.statements

    count = await attempt(0, ())
    assert count >= 3
    # Where nobody else has the name, most of what can happen is that it is deleted first.
    for number, when in enumerate([*moments(count, 1), *(moments(count, 2) if is_shared else ())], 1):
        await attempt(number, when)
    assert wrong == {}, "before which statements the name was taken and given back, and what came of it"


@pytest.mark.parametrize(
    ("kind", "is_shared"),
    [("removal", True), ("removal", False), ("kept", True), ("kept", False), ("added", True)],
)
async def test_an_entity_is_processed_while_what_it_leads_to_is_taken_and_given_back(
    catalog: Catalog, make_deferred: Any, monkeypatch: pytest.MonkeyPatch, kind: str, is_shared: bool
) -> None:
    """K451, K461, K462: an entity neither keeps what it no longer leads to nor loses what it does."""
    leads_to: list[Any] = []

    class Leading(CatalogProcessor):
        async def pre_process_entity(self, entity: EntityJson, *, location: Any, emit: Any, **_: Any) -> EntityJson:
            if entity["metadata"]["name"] == "parent":
                for one in leads_to:
                    emit.entity(one.entity, location=location, location_key=one.location_key)
            return entity

    current: list[Interruptions] = []

    async def interrupted(connection: DatabaseConnection, batch: Any, *arguments: Any) -> Any:
        await notice_deadlocks_soon(connection)
        stepped: Any = InterruptedConnection(connection, current[0]) if current else connection
        return await store_batch(stepped, batch, *arguments)

    monkeypatch.setattr(engine_module, "store_batch", interrupted)
    await catalog.start(processors=[Leading()])
    taker, peer, provider = (connect(catalog, one) for one in ("taker", "peer", "provider"))

    wrong: dict[tuple[int, ...], Any] = {}

    async def attempt(number: int, when: tuple[int, ...]) -> int:
        name = f"n{number}"
        ref = f"component:default/{name}"
        child = make_deferred(name, None)

        async def process(owner: str) -> None:
            await provider.apply_mutation(FullMutation([make_deferred("parent", owner=owner, number=number)]))
            await catalog.settle()

        async def take() -> None:
            await taker.apply_mutation(DeltaMutation([make_deferred(name, owner="taker")]))

        async def give_back() -> None:
            await taker.apply_mutation(DeltaMutation(removed=[ref]))

        leads_to[:] = [child]
        await process("before")
        assert await standing(catalog, ref) == [(PARENT, "has it")]
        if is_shared:
            row = await catalog.database.fetch_row(
                "SELECT unprocessed_entity FROM refresh_state WHERE entity_ref = $1", ref
            )
            await peer.apply_mutation(FullMutation([DeferredEntity(msgspec.json.decode(row[0]), None)]))
        if kind == "added":
            leads_to.clear()
            await process("between")
            assert await standing(catalog, ref) == [("peer", "has it")]
        interruptions = Interruptions(catalog.database, list(zip(when, (take, give_back), strict=False)))
        leads_to[:] = [] if kind == "removal" else [child]
        # The first batch that is stored after this is the parent's.
        current[:] = [interruptions]
        await provider.apply_mutation(FullMutation([make_deferred("parent", owner="after", number=number)]))
        await catalog.running.engine.work()
        current.clear()
        await interruptions.finish()
        is_taken = interruptions.done == 1
        wanted = (["peer"] if is_shared else []) + ([PARENT] if leads_to else [])
        expected = [(one, "waits" if is_taken else "has it") for one in wanted]
        found = await standing(catalog, ref)
        if found != sorted(expected + ([("taker", "has it")] if is_taken else [])):
            wrong[when] = found
        await taker.apply_mutation(FullMutation([]))
        await catalog.settle()
        return interruptions.statements

    count = min(await attempt(0, ()), LEADING)
    assert count > 5
    for number, when in enumerate([*moments(count, 1), *(moments(count, 2) if is_shared else ())], 1):
        await attempt(number, when)
    assert wrong == {}, "before which statements the name was taken and given back, and what came of it"


async def test_a_name_moves_while_another_one_brings_it_from_where_it_was(catalog: Catalog, make_deferred: Any) -> None:
    """K446, K460, K462: a provider that has an entity elsewhere now takes it from nobody who has just brought it."""
    peer, plain = connect(catalog, "peer"), connect(catalog, "provider")

    async def attempt(number: int, when: Sequence[int]) -> int:
        name = f"n{number}"
        ref = f"component:default/{name}"

        async def bring() -> None:
            await peer.apply_mutation(FullMutation([make_deferred(name)]))

        await plain.apply_mutation(FullMutation([make_deferred(name)]))
        interruptions = Interruptions(catalog.database, [(one, bring) for one in when])
        moving = connect(catalog, "provider", interruptions)
        await moving.apply_mutation(FullMutation([make_deferred(name, ELSEWHERE)]))
        await interruptions.finish()
        found = dict(await standing(catalog, ref))
        if not when:
            assert found == {"provider": "has it"}
        elif await key_of(catalog, ref) == ELSEWHERE:
            assert found == {"provider": "has it", "peer": "waits"}, f"at {when}"
        else:
            assert found == {"provider": "waits", "peer": "has it"}, f"at {when}"
        await peer.apply_mutation(FullMutation([]))
        return interruptions.statements

    count = await attempt(0, ())
    assert count > 5
    for number, when in enumerate(moments(count, 1), 1):
        await attempt(number, when)


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_free_name_is_brought_while_it_is_handed_over(
    catalog: Catalog, make_deferred: Any, is_there: bool
) -> None:
    """K460, K462: of who waits for a free name and who brings it at the same moment one has it, the other waits."""
    peer, waiting = connect(catalog, "peer"), connect(catalog, "waiting")
    drop = "DELETE FROM refresh_state_references WHERE target_entity_ref = $1"

    async def attempt(number: int, when: Sequence[int]) -> int:
        name = f"n{number}"
        ref = f"component:default/{name}"

        async def bring() -> None:
            await peer.apply_mutation(FullMutation([make_deferred(name)]))

        await bring()
        await waiting.apply_mutation(FullMutation([make_deferred(name, ELSEWHERE)]))
        await catalog.database.execute(drop, ref)
        if not is_there:
            await catalog.database.execute("DELETE FROM refresh_state WHERE entity_ref = $1", ref)
        interruptions = Interruptions(catalog.database, [(one, bring) for one in when])
        database: Any = InterruptedDatabase(catalog.database, interruptions)
        await Cleanup(database, catalog.logs, "keep", lambda: None).clean_up()
        await interruptions.finish()
        found = await standing(catalog, ref)
        if await key_of(catalog, ref) == ELSEWHERE:
            assert found == ([("peer", "waits")] if when else []) + [("waiting", "has it")], f"at {when}"
        else:
            assert found == [("peer", "has it"), ("waiting", "waits")], f"at {when}"
        await peer.apply_mutation(FullMutation([]))
        return interruptions.statements

    count = await attempt(0, ())
    assert count > 5
    for number, when in enumerate(moments(count, 1), 1):
        await attempt(number, when)


async def test_who_is_overtaken_each_time_is_told(
    catalog: Catalog, make_deferred: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K451: a transaction that is overtaken starts again, but not without end; then the error says what was wanted."""
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.001)
    plain = connect(catalog, "provider")
    entities = [make_deferred(f"n{number}") for number in range(7)]
    await plain.apply_mutation(FullMutation(entities))
    calls = 0

    async def overtaken(connection: DatabaseConnection, source_key: str, refs: Sequence[str]) -> set[str]:
        nonlocal calls
        calls += 1
        await delete_provider_edges(connection, source_key, refs)
        return {"component:default/n6"}

    monkeypatch.setattr("understage.catalog.database.references.delete_provider_edges", overtaken)
    with pytest.raises(OvertakenError) as caught:
        await plain.apply_mutation(FullMutation([]))
    assert calls == retrying.RETRIES + 1
    names = ", ".join(f"component:default/n{number}" for number in range(5))
    assert str(caught.value).startswith(f"The provider provider could not let go of {names} and 1 more: each time")
    (edges,) = await catalog.database.fetch_row("SELECT count(*) FROM refresh_state_references")
    assert edges == 7, "nothing was changed"
