"""Entity and location references."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog_api import (
    EntityRef,
    EntityRefError,
    LocationRef,
    LocationRefError,
    is_script_url,
    parse_entity_ref,
    parse_location_ref,
    stringify_entity_ref,
)

part = st.text(st.characters(exclude_characters=":/", exclude_categories=["Cs"]), min_size=1, max_size=20)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("component:default/web", EntityRef("component", "default", "web")),
        ("Component:web", EntityRef("Component", "default", "web")),
        ("k:n/a/b", EntityRef("k", "n", "a/b")),
        ("a:b:c", EntityRef("a", "default", "b:c")),
    ],
)
def test_a_reference_is_split_at_the_first_separators(text: str, expected: EntityRef) -> None:
    """K325: the first colon ends the kind, the first slash the namespace, and the name is all the rest."""
    assert parse_entity_ref(text) == expected


def test_a_colon_after_a_slash_is_part_of_the_name() -> None:
    """K325: a colon that comes after the first slash is no kind separator."""
    assert parse_entity_ref("n/k:a", default_kind="x") == EntityRef("x", "n", "k:a")


@pytest.mark.parametrize("text", ["", ":", "/", ":a", "k:", "k:/a", "/a", "k:n/", "k:/"])
def test_an_empty_part_is_refused(text: str) -> None:
    """K326: a part that is there must not be empty, even where there is a default for it."""
    with pytest.raises(EntityRefError):
        parse_entity_ref(text, default_kind="component")


def test_a_kind_is_needed_unless_there_is_a_default() -> None:
    """K327: without a kind and without a default for it, the message says how to write one."""
    with pytest.raises(EntityRefError, match="'default/web' has no kind: write it as 'component:web'"):
        parse_entity_ref("default/web")
    assert parse_entity_ref("web", default_kind="group", default_namespace="other") == EntityRef(
        "group", "other", "web"
    )


@pytest.mark.parametrize("parts", [{"kind": "", "name": "a"}, {"kind": "a", "namespace": "", "name": "b"}, {"kind": 1}])
def test_an_object_with_a_bad_part_is_refused(parts: dict[str, object]) -> None:
    """K326: the parts of an object must be texts that are not empty as well."""
    with pytest.raises(EntityRefError):
        parse_entity_ref(parts)


@given(part, part, name)
def test_a_whole_reference_comes_back_in_lower_case(kind: str, namespace: str, own: str) -> None:
    """K328: stringifying and parsing keeps all three parts, in lower case."""
    text = stringify_entity_ref(EntityRef(kind, namespace, own))
    assert text == f"{kind}:{namespace}/{own}".lower()
    if not {":", "/"} & set(kind.lower() + namespace.lower()):
        assert stringify_entity_ref(parse_entity_ref(text)) == text.lower()


@given(st.text(max_size=30))
def test_any_text_is_either_a_reference_or_refused(text: str) -> None:
    """K326: nothing but a reference error ever comes out, and no part of a reference is empty."""
    try:
        parsed = parse_entity_ref(text, default_kind="component")
    except EntityRefError:
        return
    assert parsed.kind
    assert parsed.namespace
    assert parsed.name
    assert text.endswith(parsed.name)


def test_an_entity_is_stringified_by_its_metadata() -> None:
    """K328: a whole entity names itself, in the default namespace if it says no other."""
    entity = {"kind": "Component", "metadata": {"name": "Web"}}
    assert stringify_entity_ref(entity) == "component:default/web"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file:/srv/a.yaml", LocationRef("file", "/srv/a.yaml")),
        ("url: https://host/a ", LocationRef("url", "https://host/a")),
        ("url:a:b", LocationRef("url", "a:b")),
    ],
)
def test_a_location_reference_is_split_at_the_first_colon(text: str, expected: LocationRef) -> None:
    """K329: type and target are trimmed."""
    assert parse_location_ref(text) == expected


@pytest.mark.parametrize("text", ["", "file", "file:", ":a", "file: ", "https://host/a", "HTTP:x", "url:javascript:x"])
def test_other_location_references_are_refused(text: str) -> None:
    """K329, K330: type and target must be there, the type is no URL scheme, and the target is no script."""
    with pytest.raises(LocationRefError):
        parse_location_ref(text)


def test_a_bare_address_is_told_what_it_lacks() -> None:
    """K329: the message for an address without a type shows the reference that was meant."""
    with pytest.raises(LocationRefError, match=r"prefix it with 'url:', e\.g\. 'url:https://host/a'"):
        parse_location_ref("https://host/a")


@pytest.mark.parametrize("text", ["javascript:alert(1)", " java\tscript:x", "JAVASCRIPT:x"])
def test_a_script_is_seen_through_disguises(text: str) -> None:
    """K367: browsers ignore case and blanks in a scheme, so they hide nothing."""
    assert is_script_url(text)
    assert not is_script_url("https://host/javascript:x")


@given(
    st.dictionaries(st.sampled_from(["namespace", "name"]), st.sampled_from(["", "A", "b", 1, None])),
    st.sampled_from(["", "K", 1, None]),
)
def test_an_entity_is_named_as_its_parts_are(metadata: dict[str, object], kind: object) -> None:
    """K326, K328: an entity has the name that its parts give, or the error that they give."""

    def outcome(make: Callable[[], object]) -> str:
        try:
            return str(make())
        except EntityRefError as error:
            return f"error: {error}"

    parts = {"kind": kind, "namespace": metadata.get("namespace"), "name": metadata.get("name")}
    expected = outcome(lambda: parse_entity_ref(parts))
    assert outcome(lambda: stringify_entity_ref({"kind": kind, "metadata": metadata})) == expected


def test_what_is_remembered_depends_on_what_is_left_out() -> None:
    """K325: the same text means something else where other defaults hold; long references are read as short ones."""
    assert parse_entity_ref("web", default_kind="a") == EntityRef("a", "default", "web")
    assert parse_entity_ref("web", default_kind="b", default_namespace="n") == EntityRef("b", "n", "web")
    assert parse_entity_ref("w" * 1000, default_kind="b").name == "w" * 1000
    assert parse_location_ref("url:" + "w" * 1000).target == "w" * 1000
