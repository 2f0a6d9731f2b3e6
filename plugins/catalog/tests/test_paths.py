"""Paths of entities: keys that differ only in case, and nesting."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.model.paths import MAX_DEPTH, _check, _is_plainly_fine, check_paths
from understage.errors import InputError

Catalog = Any
Component = Callable[..., str]


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        ({"App": 1, "app": 2}, ("'spec.App' and 'spec.app'")),
        ({"a": {"x": {"B": 1, "b": None}}}, ("'spec.a.x.B' and 'spec.a.x.b'")),
        ({"list": [{"B": 1}, {"b": 1}]}, ("'spec.list.B' and 'spec.list.b'")),
        ({"list": [[{"B": {}}], {"b": {}}]}, ("'spec.list.B' and 'spec.list.b'")),
        ({"straße": 1, "STRAßE": 2}, ("'spec.straße' and 'spec.STRAßE'")),
    ],
)
def test_keys_that_differ_in_case_are_told(spec: dict[str, Any], paths: str) -> None:
    """K473: the error names both paths and says what to do."""
    with pytest.raises(InputError, match=f"vary only in casing, {paths}; queries do not tell them apart"):
        check_paths({"apiVersion": "v1", "spec": spec})


@pytest.mark.parametrize(
    "entity",
    [
        {"spec": {"tags": ["a", "A"], "b": [{"c": 1}, {"c": 2}], "d": {"x": 1}, "e": {"X": 1}}},
        {"status": {"a": 1, "A": 2}, "attachments": {"a": 1, "A": 2}},
    ],
)
def test_what_queries_can_tell_apart_is_fine(entity: dict[str, Any]) -> None:
    """K473: texts in lists, equal keys elsewhere, and what is not indexed do no harm."""
    check_paths(entity)


@pytest.mark.parametrize("wrap", [lambda value: {"a": value}, lambda value: [value]])
def test_nesting_has_a_limit(wrap: Callable[[Any], Any]) -> None:
    """K376: an entity that is nested too deep is refused, however it came into being."""
    value: Any = {"end": 1}
    for _ in range(MAX_DEPTH - 5):
        value = wrap(value)
    check_paths({"spec": value})
    for _ in range(10):
        value = wrap(value)
    with pytest.raises(InputError, match=f"nested more than {MAX_DEPTH} deep"):
        check_paths({"spec": value})


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30))
def test_other_json_is_judged_by_its_keys_alone(value: Any) -> None:
    """K473: any JSON is either fine or refused with a clear text, and fine if its keys are in one case."""
    try:
        check_paths({"spec": value})
    except InputError as error:
        assert "vary only in casing" in str(error)  # noqa: PT017 - both outcomes are good
    check_paths({"spec": _in_lower_case(value)})


keys = st.sampled_from(["a", "A", "b", "ß", "SS"])
leaves = st.text(max_size=2) | st.integers() | st.none()


@given(
    st.dictionaries(
        keys, st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12)
    )
)
def test_the_quick_look_finds_nothing_fine_that_is_not(value: dict[str, Any]) -> None:
    """K473: what passes without a closer look would have passed it as well."""
    if _is_plainly_fine(value):
        _check("", [value], 0)


def test_the_quick_look_spares_what_most_entities_are() -> None:
    """K473: texts, lists of texts, and lists of objects of texts need no closer look."""
    links = [{"url": "https://a", "title": "A"}, {"url": "https://b", "Icon": "x"}]
    assert _is_plainly_fine({"metadata": {"links": links, "tags": ["a", "A"]}, "spec": {"x": {"y": 1}}})
    assert not _is_plainly_fine({"metadata": {"links": [*links, {"icon": "x"}]}})


def _in_lower_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_lower_case(item) for item in value]
    if isinstance(value, dict):
        return {key.lower().lower(): _in_lower_case(item) for key, item in value.items()}
    return value


async def test_such_an_entity_keeps_its_last_good_version(catalog: Catalog, make_component: Component) -> None:
    """K473, K432: an entity whose labels differ in case only is not taken over, and its status says why."""
    good = make_component("web")
    bad = good.replace("{name: web}", "{name: web, labels: {App: a, app: b}}")
    catalog.write("a.yaml", good)
    catalog.write("b.yaml", bad.replace("name: web", "name: new"))
    await catalog.start("*.yaml")
    assert await catalog.refs() == ["component:default/web"]
    catalog.write("a.yaml", bad)
    await catalog.later()
    entity = await catalog.get("component:default/web")
    assert "labels" not in entity["metadata"]
    (item,) = entity["status"]["items"]
    assert "vary only in casing, 'metadata.labels.App' and 'metadata.labels.app'" in item["message"]
