"""Filters of the client: as parameters where that is possible, else as predicates, else refused."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog_api import FILTER_EXISTS, CatalogClient
from understage.catalog_api.client.filters import as_predicate, filter_parameters, is_sayable
from understage.errors import InputError
from understage.testing import HttpRequest, MockDiscovery, MockHttpClient, json_response

BASE = "http://localhost:0/api/catalog"
EMPTY_PAGE = {"items": [], "totalItems": 0, "pageInfo": {}}
texts = st.text("ab,= .", max_size=5)
filters = st.dictionaries(texts, st.one_of(texts, st.just(FILTER_EXISTS), st.lists(texts, max_size=3)), max_size=3)


@pytest.mark.parametrize(
    ("entity_filter", "predicate"),
    [
        ({"metadata.title": "a, b"}, {"metadata.title": "a, b"}),
        ({"metadata.title": " a"}, {"metadata.title": " a"}),
        ({"metadata.labels.a=b": FILTER_EXISTS}, {"metadata.labels.a=b": {"$exists": True}}),
        ({"kind": []}, {"kind": {"$in": []}}),
        ([{"kind": ["a", "b,c"]}, {"x": "y"}], {"$any": [{"kind": {"$in": ["a", "b,c"]}}, {"x": "y"}]}),
    ],
)
async def test_what_the_grammar_cannot_say_goes_as_a_predicate(entity_filter: Any, predicate: Any) -> None:
    """K568: commas, outer blanks, equals signs in keys and empty lists are sent in a body where there is one."""
    http = MockHttpClient(
        {
            f"POST {BASE}/entities/by-query": json_response(EMPTY_PAGE),
            f"POST {BASE}/entities/by-refs": json_response({"items": [None]}),
            f"POST {BASE}/entity-facets": json_response({"facets": {}}),
        }
    )
    client = CatalogClient(MockDiscovery(), http)
    await client.query_entities(filter=entity_filter)
    await client.get_entities_by_refs(["a:b/c"], filter=entity_filter)
    await client.get_entity_facets(["kind"], filter=entity_filter)
    assert [json_of(request)["query"] for request in http.requests] == [predicate] * 3
    with pytest.raises(InputError, match="query_entities sends such as a predicate"):
        await client.get_entities(filter=entity_filter)


def test_a_filter_and_a_predicate_must_both_hold() -> None:
    """K556: given both, both are sent."""
    assert as_predicate({"kind": "api"}, {"a": "b"}) == {"$all": [{"a": "b"}, {"kind": "api"}]}
    assert as_predicate(None, {"a": "b"}) == {"a": "b"}
    assert as_predicate({}, None) is None


def test_a_set_without_keys_matches_everything() -> None:
    """K568: beside a set that matches everything, the others add nothing."""
    assert filter_parameters([{"kind": "api"}, {}]) == []


def json_of(request: HttpRequest) -> Any:
    return json.loads(request.body or b"")


@given(filters)
def test_a_filter_as_a_parameter_means_what_it_says(entity_filter: Mapping[str, Any]) -> None:
    """K40-K45, K568: read by the grammar, a filter that is sent gives the keys and values that were meant."""
    if not is_sayable(entity_filter):
        return
    read: dict[str, list[str | None]] = {}
    for _, text in filter_parameters(entity_filter):
        for statement in text.split(","):
            key, equals, value = statement.partition("=")
            read.setdefault(key.strip(), []).append(value.strip() if equals else None)
    assert read == {key: _meant(value) for key, value in entity_filter.items()}


def _meant(value: str | Sequence[str] | object) -> list[str | None]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, list) else [None]
