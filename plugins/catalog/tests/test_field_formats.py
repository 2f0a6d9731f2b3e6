"""Formats of the members that every entity has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.model.field_formats import (
    FieldFormatError,
    _has_scheme_and_place,
    check_field_formats,
    is_api_version,
    is_entity_name,
    is_key,
    is_kind,
    is_label_value,
    is_namespace,
    is_tag,
    is_url,
)


def entity(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "web", **metadata}}


@pytest.mark.parametrize("value", ["v1", "backstage.io/v1alpha1", "a.b-c.d/V2", "x" * 63])
def test_api_versions(value: str) -> None:
    """K310: apiVersion is a suffix of letters and digits, maybe after a DNS subdomain."""
    assert is_api_version(value)


@pytest.mark.parametrize(
    "value", ["", "/v1", "a/", "a/b/c", "A.b/v1", "a..b/v1", "v-1", "x" * 64, f"{'a' * 254}/v1", 1]
)
def test_bad_api_versions(value: Any) -> None:
    """K310: apiVersion has no other form."""
    assert not is_api_version(value)


def test_kinds() -> None:
    """K311: a kind begins with a letter and has at most 63 letters and digits."""
    assert all(map(is_kind, ["A", "aB3", "k" * 63]))
    assert not any(map(is_kind, ["", "3a", "a-b", "a_b", "k" * 64, "k\n", None]))


def test_names() -> None:
    """K312: names begin and end with a letter or digit; between them `-`, `_` and `.` may be repeated."""
    assert all(map(is_entity_name, ["a", "a--b", "A_b.c-9", "n" * 63]))
    assert not any(map(is_entity_name, ["", "-a", "a-", "a b", "a/b", "ä", "n" * 64, "a\n"]))


def test_namespaces() -> None:
    """K313: a namespace is a DNS label in lower case."""
    assert all(map(is_namespace, ["a", "a-b", "a--b", "9", "n" * 63]))
    assert not any(map(is_namespace, ["", "A", "a.b", "a_b", "-a", "a-", "n" * 64]))


def test_keys_of_labels_and_annotations() -> None:
    """K314: a key is a name, maybe after a DNS subdomain in lower case and one slash."""
    assert all(map(is_key, ["a", "a.b/C_d", "backstage.io/x", "a-b/c"]))
    assert not any(map(is_key, ["", "/a", "a/", "a/b/c", "A.b/c", "a b/c", "a/b c", 1]))


def test_label_values() -> None:
    """K315: a label's value is empty or has the form of a name."""
    assert all(map(is_label_value, ["", "a", "a--b"]))
    assert not any(map(is_label_value, [" ", "a b", "-", "v" * 64]))


def test_tags() -> None:
    """K317: tags are lower-case words of letters, digits, `:`, `+` and `#`, joined by single hyphens."""
    assert all(map(is_tag, ["a", "c++", "c#", "a:b-c", "9", "t" * 63]))
    assert not any(map(is_tag, ["", "A", "a--b", "a_b", "a.b", "-a", "a-", "t" * 64]))


def test_urls() -> None:
    """K318: a link's address is absolute."""
    assert all(map(is_url, ["https://a", "http://a:8/b?c#d", "mailto:a@b", "ftp://x/y"]))
    assert not any(map(is_url, ["", "a", "/a", "//a/b", "https://", "http:", "https://a:port", "https://[x", 1]))


@given(st.from_regex(r"(?i)\s?https?:/{0,3}[a-z0-9.\-@:\[\]]*[0-9/?#]?.{0,8}\s?\Z") | st.text(max_size=20))
def test_plain_urls_are_what_they_are_in_full(text: str) -> None:
    """K318: addresses that are recognised at a glance are those that are valid when they are taken apart."""
    assert is_url(text) == _has_scheme_and_place(text)


@pytest.mark.parametrize("check", [is_key, is_api_version])
def test_nothing_longer_than_a_key_is_one(check: Any) -> None:
    """K310, K314: the longest is a subdomain of 253 characters, a slash and 63 characters."""
    subdomain = ".".join(["d" * 62] * 4)
    assert check(f"{subdomain}d/{'x' * 63}")
    assert not check(f"{subdomain}dd/{'x' * 63}")
    assert not check("x" * 100_000)


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        (
            {"name": "bad name!"},
            '"metadata.name" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of',
        ),
        ({"namespace": "Prod"}, '"metadata.namespace" is not valid; expected a string that is sequences of [a-z0-9]'),
        ({"labels": {"a b": "c"}}, '"labels.a b" is not valid'),
        ({"labels": {"a": "b c"}}, '"labels.a" is not valid; expected a string that is empty or'),
        ({"annotations": {"/x": "y"}}, '"annotations./x" is not valid'),
        ({"tags": ["ok", "Not"]}, '"tags.1" is not valid'),
        ({"links": [{"url": "nope"}]}, '"links.0.url" is not valid; expected a string that is an absolute URL'),
        ({"links": [{"url": "https://a", "title": " "}]}, '"links.0.title" is not valid'),
    ],
)
def test_the_member_and_the_expectation_are_named(metadata: dict[str, Any], text: str) -> None:
    """K301: the first member of a wrong form is named with what was expected and found."""
    with pytest.raises(FieldFormatError) as raised:
        check_field_formats(entity(**metadata))
    assert str(raised.value).startswith(text)


def test_root_members_are_checked() -> None:
    """K310, K311, K316: apiVersion and kind are checked as well; any annotation value will do."""
    check_field_formats(entity(annotations={"a": "any thing\n"}, labels={"a": ""}))
    with pytest.raises(FieldFormatError, match='at most 63 characters in total but found "a b"'):
        check_field_formats(entity(name="a b"))
    with pytest.raises(FieldFormatError, match='"kind" is not valid'):
        check_field_formats({**entity(), "kind": "a-b"})
    with pytest.raises(FieldFormatError, match='"apiVersion" is not valid'):
        check_field_formats({**entity(), "apiVersion": "a/b/c"})
