"""Listings, pages and counts against a model of them in Python, on both databases."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from understage.catalog.database.drivers import OneOf, is_single
from understage.catalog.database.pages import PageStart, count_entities, find_page
from understage.catalog.database.reads import find_facet
from understage.catalog.paging import Page, PageQuery
from understage.catalog.processing.search_rows import indexed_values
from understage.catalog.query.cursors import FullTextFilter, OrderField, decode_cursor, encode_cursor
from understage.catalog.query.filters import filter_predicate, parse_filters
from understage.catalog.query.predicates import (
    EVERYTHING,
    MAX_CONDITIONS,
    NOTHING,
    AllOf,
    AnyOf,
    HasKey,
    HasPrefix,
    HasText,
    HasValue,
    Not,
    Predicate,
    any_of,
    conjuncts,
    inner_conditions,
)
from understage.catalog.query.restriction import restricted
from understage.catalog.service import EntitiesCatalog
from understage.catalog.totals import Totals
from understage.plugin_api import DatabaseService

Json = dict[str, Any]
Fill = Callable[[DatabaseService, list[Json]], Awaitable[None]]
SEED = 20261121
COUNT = 160
KINDS = ("Component", "API", "Group")
SORT_KEYS = (None, "metadata.name", "spec.type", "metadata.tags", "spec.weight", "no.such.key", "metadata.uid")


def generated(source: random.Random) -> Iterator[Json]:
    """Yields entities that share values, lack keys, and have several values for some."""
    for number in range(COUNT):
        spec: Json = {"weight": source.choice([None, 1, 2, "two"])}
        if source.random() < 0.7:
            spec["type"] = source.choice(["service", "Service", "website", "100%", "a_b", "l" * 250])
        yield {
            "apiVersion": "v1",
            "kind": source.choice(KINDS),
            "metadata": {
                "name": f"{source.choice('abcde')}-{number}",
                "namespace": source.choice(["default", "other"]),
                "uid": f"{source.getrandbits(32):08x}-{number:04x}-4000-8000-000000000000",
                "tags": source.sample(["java", "go", "data", "web"], source.randint(0, 3)),
            },
            "spec": spec,
            "relations": [{"type": "ownedBy", "targetRef": f"group:default/{source.choice('xyz')}"}],
        }


class Row(NamedTuple):
    key: str
    value: str | None
    original_value: str | None


class Model:
    """The catalog's listings, said in a few lines of Python over the index rows."""

    def __init__(self, entities: list[Json]) -> None:
        self.rows = {
            one["metadata"]["uid"]: [Row(*pair, original) for pair, original in indexed_values(one).items()]
            for one in entities
        }

    def matches(self, uid: str, predicate: Predicate) -> bool:
        rows = self.rows[uid]
        match predicate:
            case AllOf(conditions):
                return all(self.matches(uid, one) for one in conditions)
            case AnyOf(conditions):
                return any(self.matches(uid, one) for one in conditions)
            case Not(condition):
                return not self.matches(uid, condition)
            case HasKey(key):
                return any(row.key == key for row in rows)
            case HasValue(key, values):
                return any(row.key == key and row.value in values for row in rows)
            case HasPrefix(key, prefix):
                return any(row.key == key and (row.value or "").startswith(prefix) for row in rows if row.value)
            case HasText(keys, text):
                return any(row.key in keys and text in (row.value or "") for row in rows if row.value)

    def page(self, predicate: Predicate, sort_key: str | None, *, ascending: bool) -> list[str]:
        """Returns ids in order, an id once for each sort value."""
        ids = [uid for uid in self.rows if self.matches(uid, predicate)]
        if sort_key is None:
            pairs = [("", uid) for uid in ids]
        else:
            pairs = [
                (row.value, uid)
                for uid in ids
                for row in self.rows[uid]
                if row.key == sort_key and row.value is not None
            ]
        return [uid for _, uid in sorted(pairs, reverse=not ascending)]


def predicates(source: random.Random, depth: int = 2) -> Predicate:
    """Returns a predicate of the kinds that requests can make."""
    keys = ["kind", "spec.type", "metadata.tags", "metadata.tags.java", "spec.weight", "relations.ownedby", "no.key"]
    values = ["component", "api", "service", "java", "go", "true", "1", "two", "100%", "group:default/x", ""]
    choice = source.random()
    if depth and choice < 0.45:
        parts = tuple(predicates(source, depth - 1) for _ in range(source.randint(0, 3)))
        return AnyOf(parts) if source.random() < 0.3 else AllOf(parts)
    if depth and choice < 0.55:
        return Not(predicates(source, depth - 1))
    key = source.choice(keys)
    simple: list[Predicate] = [
        HasKey(key),
        HasValue(key, tuple(source.sample(values, source.randint(0, 3)))),
        HasValue("kind", (source.choice(["component", "api"]),)),
        HasPrefix(key, source.choice(["s", "a_", "100%", "group"])),
        HasText((key, "metadata.name"), source.choice(["er", "%", "_", "-1"])),
    ]
    return source.choice(simple)


@pytest.fixture
async def filled(database: DatabaseService, fill: Fill) -> tuple[EntitiesCatalog, Model, list[Json]]:
    await database.migrate("understage.catalog")
    entities = list(generated(random.Random(SEED)))
    await fill(database, entities)
    return EntitiesCatalog(database, Totals(database)), Model(entities), entities


def uids(texts: list[str]) -> list[str]:
    return [msgspec.json.decode(text)["metadata"]["uid"] for text in texts]


async def walk(catalog: EntitiesCatalog, query: PageQuery, sizes: Iterator[int]) -> tuple[list[Page], list[str]]:
    """Follows cursors to the end, with pages of changing sizes."""
    pages = [await catalog.page(query)]
    while (cursor := pages[-1].next) is not None:
        pages.append(await catalog.page_at(decode_cursor(encode_cursor(cursor)), next(sizes)))
    return pages, [uid for page in pages for uid in uids(page.items)]


async def test_pages_follow_the_model(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K52, K100, K103-K107: any predicate in any order lists, both ways, what the index rows say."""
    catalog, model, _ = filled
    source = random.Random(SEED)
    for _ in range(120):
        predicate, sort_key = predicates(source), source.choice(SORT_KEYS)
        ascending = source.random() < 0.6
        expected = model.page(predicate, sort_key, ascending=ascending)
        limit = source.choice([1, 3, 20, 500])
        driver_free = await catalog._find_page(predicate, sort_key, ascending=ascending, limit=limit)
        assert [row[1] for row in driver_free] == expected[:limit], (predicate, sort_key, ascending)
        assert await catalog._planner.count(predicate, sort_key) == len(set(expected))


@pytest.mark.parametrize("counted_rows", [5000, 2])
async def test_facets_follow_the_model(
    filled: tuple[EntitiesCatalog, Model, list[Json]], monkeypatch: pytest.MonkeyPatch, counted_rows: int
) -> None:
    """K180, K182, K183, K185: for any predicate, facets are counted as the index rows say."""
    monkeypatch.setattr("understage.catalog.planning.COUNTED_ROWS", counted_rows)
    catalog, model, _ = filled
    source = random.Random(SEED + 3)
    for _ in range(40):
        predicate, key = predicates(source), source.choice(["spec.type", "metadata.tags", "spec.weight", "kind"])
        rows = [row for uid in model.rows if model.matches(uid, predicate) for row in model.rows[uid] if row.key == key]
        expected = Counter(row.original_value for row in rows if row.original_value is not None)
        facets = await catalog.facets([key], predicate)
        assert {one["value"]: one["count"] for one in facets[key]} == expected, (predicate, key)


async def test_alternatives_are_looked_up_each(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K40, K56, K261: alternatives, of filters as of permissions, lead to the same entities by whichever plan."""
    catalog, model, _ = filled
    source = random.Random(SEED + 4)
    seen = 0
    for _ in range(25):
        parts = [
            AllOf((HasValue("kind", ("api",)), predicates(source, 1)))
            if source.random() < 0.4
            else predicates(source, 0)
        ]
        parts += [predicates(source, 1) for _ in range(source.randint(0, 2))]
        predicate, sort_key = any_of(*parts), source.choice(SORT_KEYS)
        driver, _rows = await catalog._planner._smallest(predicate)
        seen += isinstance(driver, OneOf)
        everything = model.page(predicate, sort_key, ascending=True)
        for one in (None, driver):
            rows = await find_page(catalog._database, predicate, sort_key, ascending=True, limit=1000, driver=one)
            assert [row[1] for row in rows] == everything, (predicate, sort_key, one)
            assert await count_entities(catalog._database, predicate, sort_key, one) == len(set(everything))
            many = await count_entities(catalog._database, predicate, sort_key, one, has_many=True)
            assert many == len(set(everything))
    assert seen > 2


async def test_every_plan_gives_the_same_page(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K100: whichever condition leads a query, the page is the same."""
    catalog, model, _ = filled
    source = random.Random(SEED + 1)
    for _ in range(40):
        predicate = AllOf((predicates(source, 0), predicates(source, 1), HasValue("kind", ("component", "api"))))
        sort_key = source.choice(SORT_KEYS)
        everything = model.page(predicate, sort_key, ascending=True)
        drivers = [one for one in conjuncts(predicate) if isinstance(one, HasKey | HasValue)]
        for driver in [None, *(one for one in drivers if not isinstance(one, HasValue) or one.values)]:
            rows = await find_page(catalog._database, predicate, sort_key, ascending=True, limit=1000, driver=driver)
            assert [row[1] for row in rows] == everything, (predicate, sort_key, driver)
            assert await count_entities(catalog._database, predicate, sort_key, driver) == len(set(everything))
            if len(rows) > 2:
                middle = rows[len(rows) // 2]
                values = [middle[1]] if sort_key is None else [middle[0], middle[1]]
                rest = await find_page(
                    catalog._database,
                    predicate,
                    sort_key,
                    ascending=True,
                    limit=1000,
                    start=PageStart(values),
                    driver=driver,
                )
                assert rest == rows[len(rows) // 2 + 1 :]


async def test_few_and_alternatives_change_no_answer(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K261: whether alternatives lead a query, or are looked up at once, pages, counts and facets are the same."""
    catalog, model, _ = filled
    source = random.Random(SEED + 5)
    for _ in range(40):
        alternatives = AnyOf(tuple(predicates(source, 0) for _ in range(source.randint(1, 3))))
        kind = HasValue("kind", ("component",)) if source.random() < 0.5 else AllOf()
        predicate = AllOf((kind, alternatives, Not(predicates(source, 1))))
        sort_key = source.choice(SORT_KEYS)
        everything = model.page(predicate, sort_key, ascending=True)
        parts = tuple(one for one in alternatives.conditions if is_single(one))
        leads = len(parts) == len(alternatives.conditions)
        drivers: list[OneOf | None] = [None, *([OneOf(alternatives, parts)] if leads else [])]
        few = frozenset[Predicate](one for one in inner_conditions(predicate) if is_single(one))
        for driver in drivers:
            for looked_up in (frozenset[Predicate](), few):
                rows = await find_page(
                    catalog._database, predicate, sort_key, ascending=True, limit=1000, driver=driver, few=looked_up
                )
                assert [row[1] for row in rows] == everything, (predicate, sort_key, driver, looked_up)
                number = await count_entities(catalog._database, predicate, sort_key, driver, few=looked_up)
                assert number == len(set(everything))
                facet = await find_facet(catalog._database, "metadata.tags", predicate, driver, few=looked_up)
                assert sum(count for _, count in facet) == len(model.page(predicate, "metadata.tags", ascending=True))


async def test_as_many_conditions_as_are_allowed_are_found(
    filled: tuple[EntitiesCatalog, Model, list[Json]],
) -> None:
    """K62: both databases take the largest predicates."""
    catalog, model, _ = filled
    names = [HasValue("metadata.name", (f"a-{number}",)) for number in range(MAX_CONDITIONS - 1)]
    for wanted in (AnyOf((HasKey("metadata.tags.go"), *names)), AllOf((HasKey("spec.type"), *map(Not, names)))):
        page = await catalog.page(PageQuery(limit=COUNT), wanted)
        assert 0 < page.total < COUNT
        assert uids(page.items) == model.page(wanted, None, ascending=True)


async def test_a_restriction_is_an_and(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K261: what is asked for and readable is what is both, however little of it is left to find out."""
    _, model, _ = filled
    source = random.Random(SEED + 6)
    for _ in range(300):
        wanted, readable = predicates(source), predicates(source, 3)
        if source.random() < 0.5:
            wanted = AllOf((HasValue("kind", ("component", "group")), wanted))
        joined = restricted(wanted, readable)
        for uid in list(model.rows)[:40]:
            assert model.matches(uid, joined) == (model.matches(uid, wanted) and model.matches(uid, readable))


def test_what_the_kind_decides_is_left_out() -> None:
    """K261: "mine, and all groups" comes down to "mine" where components are asked for, and to nothing for others."""
    mine, groups = HasValue("relations.ownedby", ("user:default/me",)), HasValue("kind", ("group", "user"))
    components, some = HasValue("kind", ("component",)), HasValue("kind", ("group",))
    assert restricted(components, AnyOf((mine, groups))) == AllOf((components, mine))
    assert restricted(some, AnyOf((mine, groups))) == some
    assert restricted(components, groups) == NOTHING
    assert restricted(components, Not(groups)) == components
    assert restricted(components, EVERYTHING) == components
    assert restricted(EVERYTHING, NOTHING) == NOTHING


async def test_walking_meets_every_entity_once(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K114, K115: following cursors lists all in order, whatever the limits; only the first page has no way back."""
    catalog, model, _ = filled
    source = random.Random(SEED + 2)
    for filters, sort_key, order in [
        ([], None, "asc"),
        (["kind=component"], "metadata.name", "asc"),
        (["kind=component"], "metadata.name", "desc"),
        ([], "metadata.tags", "asc"),
        (["metadata.tags=java", "spec.type=website"], "spec.type", "desc"),
    ]:
        sets = parse_filters(filters)
        fields = [OrderField(sort_key, order)] if sort_key else []
        query = PageQuery(filters=sets, order_fields=fields, limit=7)
        pages, walked = await walk(catalog, query, iter(lambda: source.randint(1, 12), -1))
        expected = model.page(filter_predicate(sets), sort_key, ascending=order == "asc")
        assert walked == expected
        assert {page.total for page in pages} == {len(set(expected))}
        assert [page.previous is None for page in pages] == [True, *[False] * (len(pages) - 1)]
        back = [pages[-1]]
        while (cursor := back[-1].previous) is not None:
            back.append(await catalog.page_at(decode_cursor(encode_cursor(cursor)), 9))
            assert back[-1].next is not None
        assert [uid for page in reversed(back) for uid in uids(page.items)] == expected


async def test_an_order_without_direction_pages_on(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K118: a sort field without a direction ascends, on the second page as well.

    deviation: upstream hands out a cursor here that it then refuses itself.
    """
    catalog, model, _ = filled
    query = PageQuery(order_fields=[OrderField("metadata.name")], limit=100)
    _, walked = await walk(catalog, query, iter(lambda: 100, -1))
    assert walked == model.page(AllOf(), "metadata.name", ascending=True)


async def test_what_changes_between_pages_is_tolerated(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K119: the next page goes on after the last row, also if that row is gone by then."""
    catalog, model, _ = filled
    expected = model.page(AllOf(), None, ascending=True)
    page = await catalog.page(PageQuery(limit=10))
    assert page.next is not None
    await catalog._database.execute("DELETE FROM final_entities WHERE entity_id = $1", expected[9])
    following = await catalog.page_at(page.next, 5)
    assert uids(following.items) == expected[10:15]
    assert following.total == COUNT


async def test_text_is_searched_literally(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K108, K109: the term is trimmed, any case, and looked for in the given fields, the sort field, or the uid.

    deviation: `%` and `_` in the term are characters like any other, no wildcards.
    """
    catalog, _, entities = filled
    percent = await catalog.page(PageQuery(full_text=FullTextFilter(" 0% ", ["Spec.Type"])))
    assert sorted(uids(percent.items)) == sorted(
        one["metadata"]["uid"] for one in entities if one["spec"].get("type") == "100%"
    )
    underscore = await catalog.page(PageQuery(full_text=FullTextFilter("_"), order_fields=[OrderField("spec.type")]))
    assert underscore.total == sum(one["spec"].get("type") == "a_b" for one in entities)
    by_uid = await catalog.page(PageQuery(full_text=FullTextFilter(entities[0]["metadata"]["uid"].upper())))
    assert uids(by_uid.items) == [entities[0]["metadata"]["uid"]]
    long = await catalog.page(PageQuery(full_text=FullTextFilter("lll", ["spec.type"])))
    assert long.total == 0
    assert (await catalog.page(PageQuery(full_text=FullTextFilter(" ")))).total == COUNT


async def test_listings_sort_by_several_keys(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K84: by offset, keys count in turn, entities without a value come last in any direction, ties by uid."""
    catalog, _, entities = filled

    def key(one: Json) -> tuple[Any, ...]:
        kind = one["spec"].get("type", "").lower()
        usable = kind and len(kind) <= 200
        return (not usable, [-ord(c) for c in kind] + [1] if usable else [], one["metadata"]["uid"])

    texts = await catalog.listing(AllOf(), [("spec.type", False)], limit=None, offset=0)
    assert uids(texts) == [one["metadata"]["uid"] for one in sorted(entities, key=key)]
    page = await catalog.listing(AllOf(), [("spec.type", False)], limit=10, offset=20)
    assert page == texts[20:30]
    names = await catalog.listing(
        AllOf(), [("metadata.namespace", True), ("metadata.name", False)], limit=None, offset=0
    )
    pairs = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in map(msgspec.json.decode, names)]
    assert pairs == sorted(sorted(pairs, key=lambda pair: pair[1], reverse=True), key=lambda pair: pair[0])
    by_ref = await catalog.listing(HasValue("kind", ("api",)), [], limit=None, offset=0)
    refs = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in map(msgspec.json.decode, by_ref)]
    assert refs == sorted(refs)


async def test_a_name_order_by_offset_takes_the_short_way(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K84: what every entity has is sorted through the index, with the same result."""
    catalog, model, _ = filled
    expected = model.page(HasValue("kind", ("component",)), "metadata.name", ascending=True)
    texts = await catalog.listing(HasValue("kind", ("component",)), [("metadata.name", True)], limit=5, offset=3)
    assert uids(texts) == expected[3:8]


async def test_a_stream_is_everything_in_chunks(
    filled: tuple[EntitiesCatalog, Model, list[Json]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """K88, K89: without paging, all come in the order of their uids; with an order, those that have the key."""
    from understage.catalog import service

    monkeypatch.setattr(service, "STREAM_CHUNK", 7)
    catalog, model, _ = filled
    for order in ([], [("spec.type", False)], [("metadata.name", True), ("kind", True)]):
        chunks = [chunk async for chunk in catalog.stream(AllOf(), order)]
        expected = model.page(AllOf(), order[0][0] if order else None, ascending=order[0][1] if order else True)
        assert [uid for chunk in chunks for uid in uids(chunk)] == expected
        assert max(map(len, chunks)) <= 7
    assert [chunk async for chunk in catalog.stream(AnyOf(), [])] == []


async def test_facets_count_original_values(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K182-K184: values keep their case and count apart; too long ones do not count; filters narrow; sorted."""
    catalog, _, entities = filled
    facets = await catalog.facets(["Spec.Type", "metadata.tags", "nope"], HasValue("kind", ("component",)))
    components = [one for one in entities if one["kind"] == "Component"]
    kinds = [one["spec"].get("type") for one in components]
    expected = {kind: kinds.count(kind) for kind in kinds if kind and len(kind) <= 200}
    assert facets["Spec.Type"] == [{"value": kind, "count": expected[kind]} for kind in sorted(expected)]
    assert {"service", "Service"} <= expected.keys()
    tags = [tag for one in components for tag in one["metadata"]["tags"]]
    assert facets["metadata.tags"] == [{"value": tag, "count": tags.count(tag)} for tag in sorted(set(tags))]
    assert facets["nope"] == []
    owned = await catalog.facets(["kind"], HasValue("metadata.tags", ("java",)))
    assert sum(one["count"] for one in owned["kind"]) == sum("java" in one["metadata"]["tags"] for one in entities)


async def test_refs_are_found_in_the_order_asked(filled: tuple[EntitiesCatalog, Model, list[Json]]) -> None:
    """K170, K171: one answer for each ref, repeated or not, in any case; null for what is missing or filtered."""
    catalog, _, entities = filled
    refs = [f"{one['kind']}:{one['metadata']['namespace']}/{one['metadata']['name']}" for one in entities[:5]]
    found = await catalog.by_refs([*refs, "component:default/nope", refs[0]], AllOf())
    assert [text is None for text in found] == [False] * 5 + [True, False]
    assert uids([text for text in found[:5] if text]) == [one["metadata"]["uid"] for one in entities[:5]]
    assert found[6] == found[0]
    filtered = await catalog.by_refs(refs, HasValue("kind", (entities[0]["kind"].lower(),)))
    assert [text is None for text in filtered] == [one["kind"] != entities[0]["kind"] for one in entities[:5]]
    assert await catalog.by_refs([], AllOf()) == []


async def test_counts_are_remembered_until_something_changes(database: DatabaseService, fill: Fill) -> None:
    """K100: a total is counted once, again after a change, and again after a while in any case."""
    await database.migrate("understage.catalog")
    entities = list(generated(random.Random(SEED)))
    await fill(database, entities[:10])
    time = 0.0
    totals = Totals(database, clock=lambda: time)
    catalog = EntitiesCatalog(database, totals)
    assert (await catalog.page(PageQuery(limit=0))).total == 10
    await fill(database, entities[10:20])
    assert (await catalog.page(PageQuery(limit=0))).total == 10
    totals.invalidate()
    assert (await catalog.page(PageQuery(limit=0))).total == 20
    await fill(database, entities[20:30])
    time = 11.0
    assert (await catalog.page(PageQuery(limit=0))).total == 30
    assert (await catalog.page(PageQuery(limit=0, counts=False))).total == 0
