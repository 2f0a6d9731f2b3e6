"""Conditions: how they combine, and how they travel."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.errors import InputError
from understage.plugin_api import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    PermissionCriteria,
    PermissionResourceRef,
    PermissionRule,
)
from understage.plugin_api.permission_criteria import criteria_from_json, criteria_to_json, evaluate, transform

A, B = Condition("A", "thing"), Condition("B", "thing", {"owner": "b"})

leaves = st.builds(
    Condition, st.text(max_size=3), st.text(max_size=3), st.none() | st.dictionaries(st.text(max_size=2), st.integers())
)
criteria: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("asked", "true", "expected"),
    [
        (A, {"A"}, True),
        (A, {"B"}, False),
        (Not(A), {"B"}, True),
        (AllOf((A, B)), {"A"}, False),
        (AllOf((A, B)), {"A", "B"}, True),
        (AnyOf((A, B)), {"B"}, True),
        (AnyOf((A, B)), set(), False),
        (AllOf((A, Not(AnyOf((B, B))))), {"A"}, True),
        (AllOf(()), {"A"}, False),
        (AnyOf(()), {"A"}, False),
    ],
)
def test_what_is_fulfilled(asked: Any, true: set[str], expected: bool) -> None:
    """S83: criteria hold if all, one or none of their parts do; empty ones never hold."""
    assert evaluate(asked, lambda leaf: leaf.rule in true) is expected


def test_no_more_than_needed() -> None:
    """S83: conditions that cannot matter any more are not judged."""
    judged: list[str] = []

    def judge(leaf: Condition) -> bool:
        judged.append(leaf.rule)
        return True

    assert evaluate(AnyOf((A, B)), judge)
    assert judged == ["A"]


def test_they_travel() -> None:
    """S83: criteria travel as `allOf`, `anyOf`, `not`, and conditions with rule, kind of resource and parameters."""
    asked: PermissionCriteria[Condition] = AllOf((A, AnyOf((Not(B),))))
    travelling = {
        "allOf": [
            {"rule": "A", "resourceType": "thing"},
            {"anyOf": [{"not": {"rule": "B", "resourceType": "thing", "params": {"owner": "b"}}}]},
        ]
    }
    assert criteria_to_json(asked) == travelling
    assert criteria_from_json(travelling) == asked


@given(criteria)
def test_there_and_back(asked: PermissionCriteria[Condition]) -> None:
    """S83: criteria come back as they went."""
    assert criteria_from_json(criteria_to_json(asked)) == asked


@given(criteria, st.sets(st.text(max_size=3)))
def test_transforming_keeps_the_meaning(asked: PermissionCriteria[Condition], true: set[str]) -> None:
    """S83: what conditions become keeps its place: queries hold for the same resources."""
    changed = transform(asked, lambda leaf: leaf.rule)
    assert evaluate(changed, lambda rule: rule in true) is evaluate(asked, lambda leaf: leaf.rule in true)


MEMBERS = st.sampled_from(["allOf", "anyOf", "not", "rule", "resourceType", "params"])
odd_data = st.recursive(
    st.none() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=3),
)


@given(odd_data)
def test_malformed_criteria(data: Any) -> None:
    """S83: whatever comes is either understood, and then travels on as it is, or an input error that says where."""
    try:
        understood = criteria_from_json(data, path="here")
    except InputError:
        with pytest.raises(InputError, match=r"^here"):
            criteria_from_json(data, path="here")
    else:
        assert criteria_from_json(criteria_to_json(understood)) == understood


def test_rules_without_parameters() -> None:
    """S83: a rule without parameters ignores those that come, and a repr names rule and kind."""
    ref: PermissionResourceRef[str, str] = PermissionResourceRef("things", "thing")
    rule = PermissionRule(
        name="R", description="", resource_ref=ref, apply=lambda *given: given == ("a", None), to_query=repr
    )
    assert rule.applies("a", {"x": 1})
    assert rule.query({"x": 1}) == "None"
    assert repr(rule) == "PermissionRule('R' of 'thing')"
