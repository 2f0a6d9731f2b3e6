"""Filters, predicates, projections and cursors."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.query.cursors import (
    AfterCursor,
    Cursor,
    FullTextFilter,
    OrderField,
    decode_after,
    decode_cursor,
    encode_cursor,
)
from understage.catalog.query.filters import filter_predicate, filters_from_json, filters_to_json, parse_filters
from understage.catalog.query.json_predicates import parse_predicate
from understage.catalog.query.predicates import (
    EVERYTHING,
    AllOf,
    AnyOf,
    HasKey,
    HasPrefix,
    HasValue,
    Not,
    Predicate,
    split_kinds,
)
from understage.catalog.query.projection import parse_fields, project
from understage.errors import InputError

word = st.text(st.characters(exclude_characters=",=", exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=8)


def predicate(*parameters: str) -> Predicate:
    return filter_predicate(parse_filters(parameters))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (["kind=component"], HasValue("kind", ("component",))),
        (["Kind=Component"], HasValue("kind", ("component",))),
        ([" kind = a , spec.type "], AllOf((HasValue("kind", ("a",)), HasKey("spec.type")))),
        (["a=1,a=2"], HasValue("a", ("1", "2"))),
        (["a,a=1"], HasValue("a", ("1",))),
        (["a=1,a"], HasValue("a", ("1",))),
        (["a="], HasValue("a", ("",))),
        (["a=b=c"], HasValue("a", ("b=c",))),
        (["a=1", "b"], AnyOf((HasValue("a", ("1",)), HasKey("b")))),
        ([",, ,"], EVERYTHING),
        ([",", "a"], HasKey("a")),
        (["!kind"], HasKey("!kind")),
        ([], EVERYTHING),
    ],
)
def test_filters(parameters: list[str], expected: Predicate) -> None:
    """K40-K45, K47: sets are OR-ed, statements AND-ed, values of a key OR-ed; blanks and case do not count."""
    assert predicate(*parameters) == expected


@pytest.mark.parametrize("parameter", ["=x", "kind=a, =b", "="])
def test_a_statement_needs_a_key(parameter: str) -> None:
    """K46: a statement without a key is refused, and shown."""
    with pytest.raises(InputError, match=r"Invalid filter, '=\w?' is not a valid statement \(expected a string on the"):
        predicate(parameter)


@given(st.lists(st.lists(st.tuples(word, st.none() | word), min_size=1, max_size=4), max_size=3))
def test_filters_survive_their_way_through_a_cursor(sets: list[list[tuple[str, str | None]]]) -> None:
    """K40, K116: what a filter means is the same after it has travelled in a cursor."""
    parameters = [",".join(key if value is None else f"{key}={value}" for key, value in one) for one in sets]
    parsed = parse_filters(parameters)
    form = json.loads(json.dumps(filters_to_json(parsed)))
    assert filter_predicate(filters_from_json(form)) == filter_predicate(parsed)


@pytest.mark.parametrize("form", [None, 1, [], {}, {"anyOf": 1}, {"anyOf": [{}]}, {"anyOf": [{"allOf": [{}]}]}])
def test_a_forged_filter_is_recognised(form: Any) -> None:
    """K113: a filter in a cursor that nobody handed out is refused."""
    with pytest.raises(ValueError, match="unexpected filter"):
        filters_from_json(form)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, EVERYTHING),
        ({"Kind": "Component"}, HasValue("kind", ("component",))),
        ({"a": 3, "b": True}, AllOf((HasValue("a", ("3",)), HasValue("b", ("true",))))),
        ({"a": 1.5}, HasValue("a", ("1.5",))),
        ({"$all": []}, EVERYTHING),
        ({"$any": []}, AnyOf()),
        ({"$not": {}}, Not(EVERYTHING)),
        ({"$any": [{"a": "1"}, {"b": "2"}]}, AnyOf((HasValue("a", ("1",)), HasValue("b", ("2",))))),
        ({"a": {"$exists": True}}, HasKey("a")),
        ({"a": {"$exists": False}}, Not(HasKey("a"))),
        ({"a": {"$in": ["X", 2, False]}}, HasValue("a", ("x", "2", "false"))),
        ({"a": {"$in": []}}, HasValue("a", ())),
        ({"a": {"$hasPrefix": "Ab%"}}, HasPrefix("a", "ab%")),
        ({"a": {"$contains": "X"}}, HasValue("a", ("x",))),
        ({"relations": {"$contains": {"Type": "ownedBy"}}}, HasKey("relations.ownedby")),
        (
            {"relations": {"$contains": {"type": "ownedBy", "targetRef": "Group:a/b"}}},
            HasValue("relations.ownedby", ("group:a/b",)),
        ),
        (
            {"Relations": {"$contains": {"type": "x", "targetref": {"$in": ["A", "B"]}}}},
            HasValue("relations.x", ("a", "b")),
        ),
    ],
)
def test_predicates(query: Any, expected: Predicate) -> None:
    """K51-K54, K56-K60: logical operators, values and matchers; keys and values in lower case."""
    assert parse_predicate(query) == expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("x", "query: expected an object; top-level primitive values are not supported"),
        ({"$not": "x"}, r"query.\$not: expected an object; top-level primitive values are not supported"),
        ({"$all": {}}, r"query.\$all: expected a list"),
        ({"$nor": []}, r"query: unknown operator '\$nor', expected one of \$all, \$any, \$not"),
        ({"$all": [], "a": 1}, r"'\$all' must be the only member"),
        ({"a": None}, "query.a: expected a text, number, boolean"),
        ({"a": []}, "query.a: expected a text, number, boolean"),
        ({"a": {}}, "query.a: expected a text, number, boolean"),
        ({"a": {"$gt": 1}}, r"query.a: expected exactly one of \$exists, \$in, \$contains, \$hasPrefix, got \$gt"),
        ({"a": {"$exists": "yes"}}, "expected true or false"),
        ({"a": {"$in": "x"}}, "expected a list of texts"),
        ({"a": {"$in": [None]}}, "expected a list of texts"),
        ({"a": {"$hasPrefix": 1}}, "expected a text"),
        ({"a": {"$contains": {"type": "x"}}}, "for 'relations' only"),
        ({"relations": {"$contains": {"targetRef": "x"}}}, "expected a 'type'"),
        ({"relations": {"$contains": {"type": "x", "other": 1}}}, "expected a 'type'"),
        ({"relations": {"$contains": {"type": "x", "targetRef": {"$in": []}}}}, "a list of texts that is not empty"),
        ({"$any": [{"a": 1}, {"b": {"$in": 1}}]}, r"query.\$any\[1\].b.\$in: expected a list"),
    ],
)
def test_bad_predicates_say_where(query: Any, text: str) -> None:
    """K50, K51, K54, K55, K60, K61: whatever the grammar does not have is refused, with the path to it.

    deviation: several matchers in one object are refused instead of being dropped in silence.
    """
    with pytest.raises(InputError, match=text):
        parse_predicate(query)
    with pytest.raises(InputError, match="exactly one of"):
        parse_predicate({"a": {"$exists": True, "$in": ["x"]}})


def test_a_predicate_has_a_depth() -> None:
    """K22: nesting without end is refused, not a crash."""
    query: dict[str, Any] = {}
    for _ in range(200):
        query = {"$not": query}
    with pytest.raises(InputError, match="nested more than 50 deep"):
        parse_predicate(query)


def test_the_kind_is_found_among_the_conditions() -> None:
    """K41: a condition on the kind is told apart, wherever it stands."""
    assert split_kinds(predicate("spec.type=a,kind=b")) == (("b",), HasValue("spec.type", ("a",)))
    assert split_kinds(predicate("kind=a,kind=b")) == (("a", "b"), EVERYTHING)
    assert split_kinds(predicate("kind=a", "kind=b")) == (("a", "b"), EVERYTHING)
    several = predicate("kind=a,x", "kind=b,y=1")
    assert split_kinds(several) == (("a", "b"), several)
    assert split_kinds(predicate("kind=a", "y=1"))[0] is None
    assert split_kinds(HasValue("kind", ())) == (None, HasValue("kind", ()))


ENTITY: dict[str, Any] = {
    "kind": "K",
    "metadata": {
        "name": "n",
        "title": None,
        "annotations": {"backstage.io/orphan": "true", "a.b.c": "1", "a": {"b": "2"}},
    },
    "relations": [{"type": "x"}],
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["kind", "metadata.name"], {"kind": "K", "metadata": {"name": "n"}}),
        (["Kind", "nope", "metadata.nope.more"], {}),
        (["metadata.annotations.backstage.io/orphan"], {"metadata": {"annotations": {"backstage.io/orphan": "true"}}}),
        (["metadata.annotations.a.b"], {"metadata": {"annotations": {"a": {"b": "2"}}}}),
        (["metadata.annotations.a.b.c"], {"metadata": {"annotations": {"a.b.c": "1"}}}),
        (["metadata.title"], {"metadata": {"title": None}}),
        (["relations.type"], {}),
        (["relations"], {"relations": [{"type": "x"}]}),
        (
            ["metadata.annotations", "metadata.annotations.a"],
            {"metadata": {"annotations": ENTITY["metadata"]["annotations"]}},
        ),
    ],
)
def test_projections(fields: list[str], expected: dict[str, Any]) -> None:
    """K70-K72, K74: paths may lie in keys with dots, keep nulls, respect case, and do not enter lists."""
    before = json.dumps(ENTITY)
    assert project(ENTITY, fields) == expected
    assert json.dumps(ENTITY) == before


def test_fields_are_listed_by_commas_or_repeated() -> None:
    """K70, K73: both ways of listing mean the same; brackets are refused."""
    assert parse_fields(["kind, metadata.name", "spec", ","]) == ("kind", "metadata.name", "spec")
    with pytest.raises(InputError, match=r"invalid field 'a\[0\]', array type fields are not supported"):
        parse_fields(["kind,a[0]"])


json_dicts = st.recursive(
    st.none() | st.integers() | word, lambda inner: st.dictionaries(word, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(word, json_dicts, max_size=4))
def test_all_paths_of_an_entity_give_the_entity(entity: dict[str, Any]) -> None:
    """K70: the projection to all top-level members is the entity itself, unless a name has brackets."""
    assert project(entity, list(entity)) == entity


UID = "01a1fe3b-774c-70fb-944e-1178deb67e95"

cursors = st.builds(
    Cursor,
    order_fields=st.just([]) | st.builds(lambda f, o: [OrderField(f, o)], word, st.sampled_from(["asc", "desc"])),
    is_previous=st.booleans(),
    full_text_filter=st.none() | st.builds(FullTextFilter, st.none() | word, st.none() | st.lists(word)),
    order_field_values=st.just([]),
    first_sort_field_values=st.lists(st.none() | word, max_size=2),
    total_items=st.integers(0, 10**9),
)


@given(cursors, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30), st.uuids())
def test_cursors_come_back(cursor: Cursor, value: str, uid: UUID) -> None:
    """K116: a cursor says the same after its way there and back, even if a plus became a blank; none has NUL."""
    import msgspec

    values: list[str | None] = [str(uid)] if not cursor.order_fields else [value, str(uid)]
    whole = msgspec.structs.replace(cursor, order_field_values=values)
    text = encode_cursor(whole)
    assert decode_cursor(text) == whole
    assert decode_cursor(text.replace("+", " ").rstrip("=")) == whole


def test_clients_can_look_into_cursors() -> None:
    """K116: a cursor is base64 of JSON; `query` is a member only if a predicate was asked for."""
    cursor = Cursor(
        order_fields=[], is_previous=False, order_field_values=["a"], first_sort_field_values=["a"], total_items=1
    )
    members = json.loads(base64.b64decode(encode_cursor(cursor)))
    assert "query" not in members
    assert {"orderFields", "isPrevious", "orderFieldValues", "firstSortFieldValues", "totalItems"} <= members.keys()


@given(st.text(max_size=40))
def test_other_texts_are_no_cursors(text: str) -> None:
    """K87, K113: a text that nobody handed out is refused."""
    with pytest.raises(InputError, match="Malformed cursor"):
        decode_cursor(text)
    with pytest.raises(InputError, match="Malformed after cursor"):
        decode_after(text)


@pytest.mark.parametrize(
    "members",
    [
        {"orderFieldValues": ["a", "b", UID]},
        {"orderFieldValues": []},
        {"orderFieldValues": ["no id"]},
        {"orderFieldValues": [None]},
        {"orderFields": [{"field": "x", "order": "up"}], "orderFieldValues": ["a", UID]},
        {"orderFields": [{"field": 3}]},
        {"isPrevious": "yes"},
    ],
)
def test_forged_cursors_are_refused(members: dict[str, Any]) -> None:
    """K113: a cursor whose members do not fit together is refused."""
    whole = {
        "orderFields": [],
        "isPrevious": False,
        "orderFieldValues": [UID],
        "firstSortFieldValues": [UID],
        **members,
    }
    with pytest.raises(InputError, match="Malformed cursor"):
        decode_cursor(base64.b64encode(json.dumps(whole).encode()).decode())


def test_an_after_cursor_is_a_limit_and_an_offset() -> None:
    """K86, K87: `after` is base64 of limit and offset; members that are no numbers or negative are refused."""
    assert encode_cursor(AfterCursor(1, 1)) == "eyJsaW1pdCI6MSwib2Zmc2V0IjoxfQ=="
    assert decode_after("eyJsaW1pdCI6MSwib2Zmc2V0IjoxfQ==") == AfterCursor(1, 1)
    for bad in ({"limit": "x"}, {"limit": 0}, {"offset": -1}, {"limit": 1.5}):
        with pytest.raises(InputError, match="Malformed after cursor"):
            decode_after(base64.b64encode(json.dumps(bad).encode()).decode())
