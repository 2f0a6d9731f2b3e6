"""The counts of values that the database keeps, against those that the index gives."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import understage.catalog
from understage.catalog import totals
from understage.catalog.database import index, refresh_state, stitching
from understage.catalog.database.counts import (
    COUNTED_KEYS,
    count_value,
    counted_facet,
    find_miscounts,
    fold_changes,
    mend_counts,
)
from understage.catalog.database.index import SearchRow
from understage.catalog.database.refresh_state import NewEntity
from understage.catalog.database.stitching import FinalEntity
from understage.catalog.query.key_numbers import key_number
from understage.catalog.query.predicates import AllOf, HasValue, Predicate
from understage.catalog.service import EntitiesCatalog
from understage.catalog.totals import Totals
from understage.plugin_api import DatabaseConnection, DatabaseService

KEYS = (*sorted(COUNTED_KEYS), "metadata.name")
VALUES = ("java", "Java", "go", "", None)

Operation = tuple[str, Any]
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(KEYS), st.sampled_from(VALUES)))
        ),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 60), max_size=9)),
        st.tuples(st.just("delete"), st.lists(st.integers(0, 9), max_size=3)),
        st.tuples(st.just("fold"), st.integers(1, 30)),
    ),
    max_size=12,
)


def uid(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


def row(number: int, key: str, value: str | None) -> SearchRow:
    kind = "component" if number % 2 else "api"
    return SearchRow(uid(number), kind, key_number(key), value.lower() if value is not None else None, value)


async def insert_entities(connection: DatabaseConnection, numbers: Iterable[int]) -> None:
    new = [NewEntity(uid(number), f"component:default/{number}", "{}", "", None) for number in numbers]
    await refresh_state.insert_entities(connection, new, datetime.now(UTC))


async def apply(
    database: DatabaseService, model: dict[tuple[str, int, str | None], SearchRow], step: Operation
) -> None:
    """Does an operation to the database and to the model."""
    name, argument = step
    async with database.transaction() as connection:
        if name == "add":
            new: dict[tuple[str, int, str | None], SearchRow] = {}
            for one in (row(*parts) for parts in argument):
                identity = (one.entity_id, one.key, one.value)
                if identity not in model:
                    new.setdefault(identity, one)
            model |= new
            await index.change_rows(connection, new.values())
        elif name == "remove":
            chosen = {key: model[key] for place in argument for key in list(model)[place : place + 1]}
            await index.change_rows(connection, (), chosen.values())
            for key in chosen:
                del model[key]
        elif name == "delete":
            ids = {uid(number) for number in argument}
            await refresh_state.delete_entities(connection, [f"component:default/{number}" for number in argument])
            await insert_entities(connection, set(argument))
            for key in [key for key in model if key[0] in ids]:
                del model[key]
        else:
            await fold_changes(connection, argument)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
async def test_counts_are_those_of_the_index(database: DatabaseService, operations: list[Operation]) -> None:
    """K465: whatever is added, removed, deleted and folded, the counts kept are those that counting gives."""
    await database.migrate("understage.catalog")
    async with database.transaction() as connection:
        await index.remove_entities(connection, [uid(number) for number in range(10)])
        await connection.execute("DELETE FROM refresh_state")
    assert await find_miscounts(database) == []
    await insert_entities(database, range(10))
    model: dict[tuple[str, int, str | None], SearchRow] = {}
    for operation in operations:
        await apply(database, model, operation)
        assert await find_miscounts(database) == []
    for key in COUNTED_KEYS:
        for kinds in (None, ("api",), ("api", "component")):
            rows = [
                one for one in model.values() if one.key == key_number(key) and (kinds is None or one.kind in kinds)
            ]
            expected = Counter(one.original_value for one in rows if one.original_value is not None)
            assert await counted_facet(database, key, kinds) == sorted(expected.items())
            assert await count_value(database, key, "java", kinds) == sum(one.value == "java" for one in rows)


def test_one_module_writes_the_index() -> None:
    """K465: rows of the index are written in one place, which counts them; nothing else changes that table."""
    folder = Path(understage.catalog.__file__).parent
    writes = re.compile(r"(INSERT INTO|DELETE FROM|UPDATE) search\b(?!_)|copy\((\"search\"|TABLE)", re.IGNORECASE)
    found = {path.name for path in folder.rglob("*.py") if writes.search(path.read_text())}
    assert found == {"index.py"}


async def test_a_miscount_is_found(database: DatabaseService) -> None:
    """K465: the check that the other tests rely on does notice a count that is off."""
    await database.migrate("understage.catalog")
    async with database.transaction() as connection:
        await index.change_rows(connection, [row(1, "spec.type", "java")])
    await database.execute(
        "INSERT INTO search_counts (key, kind, original_value, value, entities) VALUES ('kind', 'api', 'API', 'api', 1)"
    )
    assert await find_miscounts(database) == [("kind", "api", "API", 1, 0)]


async def test_miscounts_are_mended(database: DatabaseService) -> None:
    """K465: counts that somebody else has made wrong by writing to the index are put right, be they too low or high."""
    await database.migrate("understage.catalog")
    rows = [row(number, key, "Java") for number in range(5) for key in ("spec.type", "metadata.tags")]
    async with database.transaction() as connection:
        await index.change_rows(connection, rows)
        assert await mend_counts(connection) == []
    await database.execute("DELETE FROM search WHERE key = $1", key_number("spec.type"))
    await database.execute("UPDATE search SET original_value = 'other' WHERE key = $1", key_number("metadata.tags"))
    async with database.transaction() as connection:
        assert await mend_counts(connection) == ["metadata.tags", "spec.type"]
    assert await find_miscounts(database) == []
    assert await counted_facet(database, "metadata.tags", None) == [("other", 5)]
    assert await counted_facet(database, "spec.type", None) == []


async def test_folding_leaves_nothing_behind(database: DatabaseService) -> None:
    """K465: folded changes are gone from the pending ones, and values that nobody has any more from the counts."""
    await database.migrate("understage.catalog")
    rows = [row(number, "spec.type", "java") for number in range(5)]
    async with database.transaction() as connection:
        await index.change_rows(connection, rows)
    async with database.transaction() as connection:
        await index.change_rows(connection, (), rows)
    while True:
        async with database.transaction() as connection:
            if not await fold_changes(connection, 2):
                break
    assert await database.fetch("SELECT * FROM search_counted") == []


@pytest.mark.parametrize("seed", range(3))
async def test_kept_and_counted_totals_agree(
    database: DatabaseService, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """K100, K180: totals and facets are the same whether they come from kept counts or from the index."""
    await database.migrate("understage.catalog")
    source = random.Random(seed)
    rows = {(one.entity_id, one.key, one.value): one for one in (row(n, "kind", "Kind") for n in range(40))}
    for _ in range(300):
        one = row(source.randrange(40), source.choice(KEYS), source.choice(VALUES))
        if one.key != key_number("kind"):
            rows.setdefault((one.entity_id, one.key, one.value), one)
    async with database.transaction() as connection:
        await insert_entities(connection, range(40))
        kinds = [(uid(number), row(number, "kind", "").kind) for number in range(40)]
        final = [FinalEntity(one, f"component:default/{one}", kind, "{}", "") for one, kind in kinds]
        await stitching.store_final_entities(connection, final, datetime.now(UTC))
        await index.change_rows(connection, rows.values())
    predicates: list[Predicate] = [
        HasValue("kind", ("api",)),
        AllOf((HasValue("kind", ("component",)), HasValue("metadata.tags", ("java",)))),
        AllOf((HasValue("kind", ("component", "api")), HasValue("spec.type", ("go", "java")))),
        HasValue("spec.lifecycle", ("go",)),
    ]

    async def answers() -> list[Any]:
        catalog = EntitiesCatalog(database, Totals(database))
        facets = [await catalog.facets(["metadata.tags", "spec.type", "metadata.name"], one) for one in predicates]
        return [facets, [await catalog._planner.count(one, None) for one in predicates[1:]]]

    kept = await answers()
    monkeypatch.setattr("understage.catalog.planning.COUNTED_KEYS", frozenset())
    assert await answers() == kept


async def test_counts_are_right_after_real_work(catalog: Any, make_component: Callable[..., str]) -> None:
    """K465, K180: entities that come, change their tags, owners and kinds, and go leave the counts right."""
    catalog.write("all.yaml", "".join(make_component(name, tags=["java"]) for name in ("a", "b", "c")))
    await catalog.start("all.yaml")
    assert await find_miscounts(catalog.database) == []
    changed = make_component("a", owner="others") + make_component("b").replace("kind: Component", "kind: Resource")
    catalog.write("all.yaml", changed)
    await catalog.later()
    assert await find_miscounts(catalog.database) == []
    kinds = await counted_facet(catalog.database, "kind", None)
    assert ("Component", 1) in kinds
    owners = await counted_facet(catalog.database, "relations.ownedby", ("component",))
    assert owners == [("group:default/others", 1)]


async def test_changes_are_folded_in_the_background(database: DatabaseService, monkeypatch: pytest.MonkeyPatch) -> None:
    """K465: what has changed is added to the counts soon after; until then both are read."""
    await database.migrate("understage.catalog")
    async with database.transaction() as connection:
        await index.change_rows(connection, [row(number, "spec.type", "java") for number in range(5)])
    assert await count_value(database, "spec.type", "java") == 5
    monkeypatch.setattr(totals, "FOLD_SECONDS", 0.01)
    task = asyncio.create_task(Totals(database).fold_counts())
    async with asyncio.timeout(20):
        while not await database.fetch("SELECT 1 FROM search_counts"):  # noqa: ASYNC110 - the table tells it
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await count_value(database, "spec.type", "java") == 5
    assert await find_miscounts(database) == []
