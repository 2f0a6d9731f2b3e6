"""Searches for a text, whichever way they are answered, against a model in Python."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog import planning
from understage.catalog.database import texts
from understage.catalog.database.texts import has_text_index, has_trigrams
from understage.catalog.query.key_numbers import key_number
from understage.catalog.query.predicates import AllOf, HasText, HasValue, Predicate
from understage.catalog.running import NO_TEXT_INDEX
from understage.catalog.service import EntitiesCatalog
from understage.catalog.totals import Totals
from understage.plugin_api import DatabaseService

Json = dict[str, Any]
Fill = Callable[[DatabaseService, list[Json]], Awaitable[None]]
NAMES = ("payments", "payroll", "pay_day", "100%", "Crème", "x", "ab\\cd", "a'b")
TERMS = ("pay", "pay_", "0%", "crè", "x", "\\", "a'b", "payments", "ments-1", "zebra", "--", "me-")


def generated(source: random.Random, count: int) -> list[Json]:
    """Returns entities whose names and titles share parts, some with a title that is a list."""
    titles: list[Any] = ["Pay us", "The 100% title", "", ["Pay", "Payments"], None]
    return [
        {
            "kind": source.choice(["Component", "API"]),
            "metadata": {
                "name": f"{source.choice(NAMES)}-{number}",
                "namespace": "default",
                "uid": f"{source.getrandbits(32):08x}-{number:04x}-4000-8000-000000000000",
                "title": source.choice(titles),
            },
            "spec": {"profile": {"displayName": source.choice(NAMES)}},
        }
        for number in range(count)
    ]


def values(entity: Json, key: str) -> list[str]:
    """Returns an entity's values of a key in lower case."""
    found = {
        "metadata.name": entity["metadata"]["name"],
        "metadata.title": entity["metadata"]["title"],
        "spec.profile.displayname": entity["spec"]["profile"]["displayName"],
        "kind": entity["kind"],
    }[key]
    return [one.lower() for one in (found if isinstance(found, list) else [found]) if one is not None]


@pytest.fixture
async def entities(
    database: DatabaseService, fill: Callable[[DatabaseService, list[Json]], Awaitable[None]]
) -> list[Json]:
    await database.migrate("understage.catalog")
    found = generated(random.Random(7), 120)
    await fill(database, found)
    await database.execute("ANALYZE")
    return found


@pytest.mark.parametrize(
    ("counted_rows", "pages"),
    [(5000, 300), (1, 300), (1, 1), (10, 1)],
    ids=["few rows", "common", "sampled, common", "sampled, some rare"],
)
async def test_texts_are_found_in_every_way(
    database: DatabaseService, entities: list[Json], monkeypatch: pytest.MonkeyPatch, counted_rows: int, pages: int
) -> None:
    """K108: pages, totals and facets of a text are those of a search by hand, be the text rare, common or odd."""
    monkeypatch.setattr(planning, "COUNTED_ROWS", counted_rows)
    monkeypatch.setattr(texts, "SAMPLED_PAGES", pages)
    catalog = EntitiesCatalog(database, Totals(database))
    for term in TERMS:
        for keys in (("metadata.name",), ("metadata.title", "metadata.name", "spec.profile.displayname"), ("kind",)):
            for kinds in ((), ("component",)):
                found = [
                    one
                    for one in entities
                    if any(term in value for key in keys for value in values(one, key))
                    and (not kinds or one["kind"].lower() in kinds)
                ]
                conditions: list[Predicate] = [*([HasValue("kind", kinds)] if kinds else []), HasText(keys, term)]
                predicate = AllOf(tuple(conditions))
                names = sorted((one["metadata"]["name"].lower(), one["metadata"]["uid"]) for one in found)
                rows = await catalog._find_page(predicate, "metadata.name", ascending=True, limit=200)
                assert [(row[0], row[1]) for row in rows] == names, (term, keys, kinds)
                assert await catalog._planner.count(predicate, "metadata.name") == len(found), (term, keys, kinds)
                by_id = await catalog._find_page(predicate, None, ascending=True, limit=200)
                assert [row[1] for row in by_id] == sorted(one["metadata"]["uid"] for one in found)
                facet = await catalog.facets(["spec.profile.displayName"], predicate)
                assert sum(one["count"] for one in facet["spec.profile.displayName"]) == len(found)


@given(text=st.text(max_size=8))
def test_a_text_of_signs_has_no_trigrams(text: str) -> None:
    """K108: the index of trigrams is asked only for texts with three letters or digits in a row, and for its keys."""
    plain = [part for part in "".join(c if c.isalnum() else " " for c in text).split() if len(part) >= 3]
    assert has_trigrams(HasText(("metadata.name",), text)) == bool(plain)
    assert not has_trigrams(HasText(("metadata.name", "spec.type"), text))


async def test_whole_values_are_never_looked_up_by_trigrams(database: DatabaseService, entities: list[Json]) -> None:
    """K108: the index of trigrams serves parts of texts only, since a whole value would cost it a read of many rows."""
    if database.dialect != "postgres":
        pytest.skip("only Postgres has an index of trigrams")
    await database.execute("DROP INDEX search_key_kind_value_idx, search_entity_id_key_idx")
    for condition, is_used in (("value = $2", False), ("value || '' LIKE $2", True)):
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL enable_seqscan = off")
            query = f"EXPLAIN SELECT entity_id FROM search WHERE key = $1 AND {condition}"
            plan = await connection.fetch(query, key_number("metadata.name"), "payments")
            assert any("Index Cond" in row[0] for row in plan) == is_used, plan


async def test_without_the_right_to_create_extensions_it_works_all_the_same(
    database: DatabaseService, entities: list[Json]
) -> None:
    """K108: where there is no index of trigrams, texts are found, and the start says how to get it."""
    assert await has_text_index(database)
    if database.dialect == "postgres":
        await database.execute("DROP INDEX search_texts_idx")
        assert not await has_text_index(database)
        definition = NO_TEXT_INDEX[NO_TEXT_INDEX.index("CREATE INDEX") :]
        await database.execute(definition)
        assert await has_text_index(database)
        await database.execute("DROP INDEX search_texts_idx")
    catalog = EntitiesCatalog(database, Totals(database))
    expected = sum("payments" in one["metadata"]["name"] for one in entities)
    assert await catalog._planner.count(HasText(("metadata.name",), "payments"), None) == expected
    assert msgspec.json.decode(await catalog.by_uid(entities[0]["metadata"]["uid"])) == entities[0]
