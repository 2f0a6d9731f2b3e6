from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from understage.config.location import SourceLocation
from understage.config.node import Node, find, from_plain, leaves, merge, to_plain

scalars = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab", max_size=2))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def merged(*layers: Any) -> Any:
    root = Node({})
    for layer in layers:
        root = merge(root, from_plain(layer))
    return to_plain(root)


def fallback(candidates: Any) -> Any:
    """Reads a place as a chain of sources would: the reference that merging is held against."""
    objects_on_top: list[Any] = []
    for value in reversed(candidates):
        if not isinstance(value, dict):
            if not objects_on_top:
                return [fallback([item]) for item in value] if isinstance(value, list) else value
            break
        objects_on_top.append(value)
    keys = {key for value in objects_on_top for key in value}
    members = {key: fallback([value[key] for value in reversed(objects_on_top) if key in value]) for key in keys}
    return {key: value for key, value in members.items() if value is not None}


def test_objects_are_merged_deeply_arrays_and_scalars_replaced() -> None:
    """C5: objects merge member by member; arrays and scalars of higher priority replace what is below as a whole."""
    assert merged({"a": {"x": 1, "l": [1, 2]}, "b": 1}, {"a": {"y": 2, "l": [3]}}) == {
        "a": {"x": 1, "l": [3], "y": 2},
        "b": 1,
    }
    assert merged({"a": [{"x": 1}]}, {"a": [{"y": 1}]}) == {"a": [{"y": 1}]}
    assert merged({"a": {"b": 1}}, {"a": "x"}) == {"a": "x"}
    assert merged({"a": "x"}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_null_stops_the_fallback_to_lower_priority() -> None:
    """C5: null is explicitly absent; what lies below it does not come back when a higher source adds members."""
    assert merged({"a": {"x": 1}}, {"a": None}) == {}
    assert merged({"a": {"x": 1, "z": 9}}, {"a": None}, {"a": {"y": 2}}) == {"a": {"y": 2}}
    assert merged({"a": None}, {"a": 1}) == {"a": 1}
    assert merged({"a": [None, {"b": None, "c": 1}]}) == {"a": [None, {"c": 1}]}


@given(st.lists(objects, min_size=1, max_size=4))
def test_merging_finds_what_a_chain_of_fallbacks_would(layers: Any) -> None:
    """C5: the merged value is what asking each source in turn, highest first, would have found."""
    assert merged(*layers) == fallback(layers)


@given(objects)
def test_merging_with_itself_or_nothing_changes_nothing(layer: Any) -> None:
    """C5: merging is idempotent, and an empty source contributes nothing."""
    assert merged(layer, layer) == merged(layer) == merged(layer, {}) == merged({}, layer)


@given(objects, objects)
def test_leaves_remember_the_source_they_came_from(low: Any, high: Any) -> None:
    """C31: after merging, each leaf still knows which source it was written in."""
    low_node, high_node = from_plain(low, SourceLocation("low")), from_plain(high, SourceLocation("high"))
    for path, leaf in leaves(merge(low_node, high_node)):
        assert leaf.location is not None
        source = high_node if leaf.location.file == "high" else low_node
        origin = find(source, path)
        assert origin is not None
        assert to_plain(origin) == to_plain(leaf)
