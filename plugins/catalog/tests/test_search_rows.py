"""Rows of the search index, and the final form that they are made from."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understage.catalog.database.index import SearchRow
from understage.catalog.database.stitching import OutgoingRelation, ProcessedEntity
from understage.catalog.processing.final_form import final_form
from understage.catalog.processing.search_rows import indexed_values, scalar_text, search_rows
from understage.catalog.query.key_numbers import key_number

json_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=210),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=60), inner, max_size=3),
    max_leaves=10,
)


def entity(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Component",
        "metadata": {"name": "Web", "namespace": "default", "uid": "U1", "etag": "e"},
        "relations": [{"type": "ownedBy", "targetRef": "group:default/a"}],
        **changes,
    }


def rows(**changes: Any) -> dict[tuple[str, str | None], str | None]:
    return indexed_values(entity(**changes))


def test_the_rows_of_a_small_entity() -> None:
    """K468: keys and values in lower case, with the original value; relations have rows of their own."""
    assert rows(spec={"Type": "Web Site"}) == {
        ("apiversion", "v1"): "v1",
        ("kind", "component"): "Component",
        ("spec.type", "web site"): "Web Site",
        ("metadata.name", "web"): "Web",
        ("metadata.namespace", "default"): "default",
        ("metadata.uid", "u1"): "U1",
        ("relations.ownedby", "group:default/a"): "group:default/a",
    }


def test_lists_keep_their_path_and_texts_give_keys() -> None:
    """K469: a list's items share its path; a text among them also gives `path.<item>` = true."""
    found = rows(spec={"list": ["Aa", 3, {"inner": None}]})
    assert {key: value for key, value in found.items() if key[0].startswith("spec")} == {
        ("spec.list", "aa"): "Aa",
        ("spec.list.aa", "true"): "true",
        ("spec.list", "3"): "3",
        ("spec.list.inner", None): None,
    }


def test_what_is_not_searched() -> None:
    """K470: attachments, status and the etag have no rows; relations have only their own."""
    found = rows(attachments={"a": 1}, status={"items": [{"type": "x"}]})
    assert {key for key, _ in found} == {
        "apiversion", "kind", "metadata.name", "metadata.namespace", "metadata.uid", "relations.ownedby",
    }  # fmt: skip


def test_long_keys_and_values() -> None:
    """K471, K472: a key of over 200 characters has no row, a value of over 200 characters counts as null."""
    found = rows(spec={"k" * 195: "fits", "k" * 196: "does not", "long": "v" * 201, "fits": "v" * 200})
    assert (f"spec.{'k' * 195}", "fits") in found
    assert not any(key == f"spec.{'k' * 196}" for key, _ in found)
    assert found["spec.long", None] is None
    assert found["spec.fits", "v" * 200] == "v" * 200


def test_repetitions_have_one_row() -> None:
    """K468: a key and a value that occur twice have one row.

    deviation: keys that differ only in case share their rows instead of failing the entity after its import succeeded.
    """
    found = rows(metadata={"name": "n", "uid": "u", "labels": {"Tier": "A", "tier": "a"}, "tags": ["x", "X", "x"]})
    assert found["metadata.labels.tier", "a"] == "A"
    assert [key for key in found if key[0] == "metadata.tags"] == [("metadata.tags", "x")]


def test_a_missing_namespace_is_found_as_the_default_one() -> None:
    """K470: without a namespace there is a row for `default`."""
    assert ("metadata.namespace", "default") in rows(metadata={"name": "n", "uid": "u"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, None),
        (3, "3"),
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-7"),
        (1e-10, "1e-10"),
    ],
)
def test_scalars_as_javascript_writes_them(value: Any, text: str | None) -> None:
    """K468: values of other types are compared as the text that JavaScript makes of them."""
    assert scalar_text(value) == text


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=60), json_value, max_size=5))
def test_rows_fit_the_table(spec: dict[str, Any]) -> None:
    """K468: whatever an entity holds, its rows are unique, in lower case, short, and without NUL."""
    values = indexed_values(entity(spec=spec))
    for (key, value), original in values.items():
        assert key == key.lower()
        assert len(original or "") <= 200
        assert (value is None) == (original is None)
        assert original is None or (original.lower() == value and "\0" not in original)
    assert search_rows("u", entity(spec=spec)) == [
        SearchRow("u", "component", key_number(key), value, original) for (key, value), original in values.items()
    ]


def processed(entity: dict[str, Any], errors: str = "[]", *, is_orphan: bool = False) -> ProcessedEntity:
    return ProcessedEntity("uid-1", "component:default/web", json.dumps(entity), errors, is_orphan, None)


BARE = {"apiVersion": "v1", "kind": "Component", "metadata": {"name": "web"}, "spec": {"a": 1}}


def test_the_catalog_sets_uid_and_etag() -> None:
    """K360, K361: uid is the row's, whatever the source says; etag is a hash unless the source has one."""
    final, digest = final_form(processed({**BARE, "metadata": {"name": "web", "uid": "theirs"}}), [])
    assert final["metadata"]["uid"] == "uid-1"
    assert final["metadata"]["etag"] == digest
    assert len(digest) == 40
    own, _ = final_form(processed({**BARE, "metadata": {"name": "web", "etag": "theirs"}}), [])
    assert own["metadata"]["etag"] == "theirs"


def test_the_etag_changes_with_the_content_only() -> None:
    """K361: equal content has an equal etag, whatever the order of members; a relation more changes it."""
    first = final_form(processed(BARE), [])[1]
    assert final_form(processed(dict(reversed(BARE.items()))), [])[1] == first
    relation = OutgoingRelation("component:default/web", "ownedBy", "group:default/a")
    changed, digest = final_form(processed(BARE), [relation])
    assert digest != first
    assert changed["relations"] == [{"type": "ownedBy", "targetRef": "group:default/a"}]


def test_errors_become_status_items() -> None:
    """K363, K467: there is a status only where processing failed."""
    assert "status" not in final_form(processed(BARE), [])[0]
    errors = json.dumps([{"name": "InputError", "message": "bad"}])
    assert final_form(processed(BARE, errors), [])[0]["status"] == {
        "items": [
            {
                "type": "backstage.io/catalog-processing",
                "level": "error",
                "message": "InputError: bad",
                "error": {"name": "InputError", "message": "bad"},
            }
        ]
    }


def test_an_orphan_says_so() -> None:
    """K366, K467: what nothing leads to has the annotation of orphans."""
    final, _ = final_form(processed(BARE, is_orphan=True), [])
    assert final["metadata"]["annotations"] == {"backstage.io/orphan": "true"}


def test_script_urls_are_rejected() -> None:
    """K367: view and edit addresses that are scripts are replaced; other annotations stay."""
    annotations = {"backstage.io/view-url": "javascript:x", "backstage.io/edit-url": "https://a", "x": "javascript:y"}
    final, _ = final_form(processed({**BARE, "metadata": {"name": "web", "annotations": annotations}}), [])
    assert final["metadata"]["annotations"] == {
        "backstage.io/view-url": "https://backstage.io/annotation-rejected-for-security-reasons",
        "backstage.io/edit-url": "https://a",
        "x": "javascript:y",
    }
