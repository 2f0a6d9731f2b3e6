"""The gates that an entity passes, and the schemas of the built-in kinds."""

from typing import Any

import jsonschema
import pytest

from understage.catalog.model.envelope import check_envelope, enforce_policies
from understage.catalog.model.schemas import is_built_in_kind, kind_validator
from understage.catalog_api.built_in_kinds import BUILT_IN_KINDS
from understage.catalog_api.schema_errors import SchemaViolationError, check_schema

SPECS: dict[str, dict[str, Any]] = {
    "Component": {"type": "service", "lifecycle": "production", "owner": "me"},
    "API": {"type": "openapi", "lifecycle": "production", "owner": "me", "definition": "x"},
    "Resource": {"type": "database", "owner": "me"},
    "System": {"owner": "me"},
    "Domain": {"owner": "me"},
    "Group": {"type": "team", "children": []},
    "User": {"memberOf": []},
    "Location": {},
}
OPTIONAL_TEXTS = {
    "Component": ["system", "subcomponentOf"],
    "API": ["system"],
    "Resource": ["system"],
    "System": ["domain", "type"],
    "Domain": ["subdomainOf", "type"],
    "Group": ["parent"],
    "Location": ["type", "target"],
}
LISTS = {
    "Component": ["providesApis", "consumesApis", "dependsOn"],
    "Resource": ["dependsOn"],
    "Group": ["children", "members"],
    "User": ["memberOf"],
    "Location": ["targets"],
}


def entity(kind: str = "Component", **changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "n"},
        "spec": dict(SPECS.get(kind, {})),
        **changes,
    }


def violation(kind: str, spec: Any) -> str:
    with pytest.raises(SchemaViolationError) as raised:
        check_schema(kind_validator(kind), {**entity(kind), "spec": spec})
    return str(raised.value)


@pytest.mark.parametrize("kind", SPECS)
def test_a_minimal_entity_of_each_kind_is_valid(kind: str) -> None:
    """K335-K337, K342: the required members are enough, further ones are allowed, and both apiVersions are known."""
    for version in ("backstage.io/v1alpha1", "backstage.io/v1beta1"):
        one = entity(kind, apiVersion=version)
        assert is_built_in_kind(one)
        check_schema(kind_validator(kind), {**one, "spec": {**SPECS[kind], "x-of-ours": {"a": 1}}})


@pytest.mark.parametrize(("kind", "member"), [(kind, member) for kind, spec in SPECS.items() for member in spec])
def test_every_required_member_is_required(kind: str, member: str) -> None:
    """K335, K336, K339: without a required member the text names it."""
    spec = {name: value for name, value in SPECS[kind].items() if name != member}
    assert violation(kind, spec) == f"/spec must have required property '{member}' - missingProperty: {member}"


@pytest.mark.parametrize(
    ("kind", "member"), [(kind, member) for kind, names in OPTIONAL_TEXTS.items() for member in names]
)
def test_optional_texts_must_be_texts_that_are_not_empty(kind: str, member: str) -> None:
    """K339: an optional member that is there must be a text with something in it."""
    assert violation(kind, {**SPECS[kind], member: 1}) == f"/spec/{member} must be string - type: string"
    assert violation(kind, {**SPECS[kind], member: ""}).startswith(
        f"/spec/{member} must NOT have fewer than 1 characters"
    )


@pytest.mark.parametrize(("kind", "member"), [(kind, member) for kind, names in LISTS.items() for member in names])
def test_lists_hold_texts(kind: str, member: str) -> None:
    """K335, K336: lists of references hold texts that are not empty."""
    assert violation(kind, {**SPECS[kind], member: "x"}) == f"/spec/{member} must be array - type: array"
    assert violation(kind, {**SPECS[kind], member: ["a", 2]}) == f"/spec/{member}/1 must be string - type: string"


def test_a_location_s_presence_is_one_of_two() -> None:
    """K336: presence is required or optional; spec itself must be there."""
    assert violation("Location", {"presence": "maybe"}) == (
        "/spec/presence must be equal to one of the allowed values - allowedValues: required,optional"
    )
    bare = entity("Location")
    del bare["spec"]
    with pytest.raises(SchemaViolationError, match="<root> must have required property 'spec'"):
        check_schema(kind_validator("Location"), bare)


def test_kinds_are_known_in_their_exact_case() -> None:
    """K337, K338: `component` is no Component, and other apiVersions are foreign."""
    assert not is_built_in_kind(entity(kind="component"))
    assert not is_built_in_kind(entity(apiVersion="v9"))


@pytest.mark.parametrize("kind", SPECS)
def test_the_schemas_mean_the_same_to_another_validator(kind: str) -> None:
    """K335, K336: an independent implementation of JSON Schema accepts and refuses the same entities."""
    oracle = jsonschema.Draft7Validator(BUILT_IN_KINDS[kind])
    candidates = [
        {},
        SPECS[kind],
        {**SPECS[kind], "type": ""},
        {**SPECS[kind], "owner": 3},
        {**SPECS[kind], "targets": [1]},
    ]
    for spec in [*candidates, None, "x"]:
        one = {**entity(kind), "spec": spec}
        assert oracle.is_valid(one) == kind_validator(kind).is_valid(one)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "an entity must be an object, but this is a list"),
        ("x", "an entity must be an object, but this is a text"),
        ({"kind": "K"}, "<root> must have required property 'apiVersion' - missingProperty: apiVersion"),
        ({"apiVersion": 1}, "/apiVersion must be string - type: string"),
        ({"apiVersion": "v1", "kind": ""}, "/kind must NOT have fewer than 1 characters - limit: 1"),
        ({"apiVersion": "v1", "kind": "K"}, "/metadata must be object - type: object"),
        (
            {"apiVersion": "v1", "kind": "K", "metadata": {}},
            "/metadata must have required property 'name' - missingProperty: name",
        ),
        (
            {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "namespace": ""}},
            "/metadata/namespace must NOT have fewer than 1 characters - limit: 1",
        ),
        (
            {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "namespace": None}},
            "/metadata/namespace must be string - type: string",
        ),
    ],
)
def test_the_envelope_needs_a_name(value: Any, text: str) -> None:
    """K300: an entity that cannot be named is refused where it is emitted, and the text says what is missing."""
    with pytest.raises(SchemaViolationError) as raised:
        check_envelope(value)
    assert str(raised.value) == text


def test_the_envelope_allows_more() -> None:
    """K300: at emission, extra members are none of its business."""
    check_envelope(entity(relations=[], extra=1))


def test_the_policies_write_the_default_namespace() -> None:
    """K302: a missing namespace becomes `default`, first among the metadata."""
    assert list(enforce_policies(entity())["metadata"].items()) == [("namespace", "default"), ("name", "n")]
    assert enforce_policies(entity(metadata={"name": "n", "namespace": "own"}))["metadata"]["namespace"] == "own"


@pytest.mark.parametrize("member", ["relations", "status", "anything"])
def test_an_entity_brings_no_other_members(member: str) -> None:
    """K303: relations and status are the catalog's own; other root members are unknown."""
    with pytest.raises(SchemaViolationError, match=f"Unknown field {member}"):
        enforce_policies({**entity(), member: []})


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ({"title": ""}, "/metadata/title"),
        ({"uid": ""}, "/metadata/uid"),
        ({"description": 1}, "/metadata/description"),
        ({"labels": {"a": 1}}, "/metadata/labels/a"),
        ({"annotations": ["a"]}, "/metadata/annotations"),
        ({"tags": [""]}, "/metadata/tags/0"),
        ({"links": [{}]}, "/metadata/links/0"),
        ({"links": [{"url": "https://a", "type": ""}]}, "/metadata/links/0/type"),
    ],
)
def test_metadata_have_their_types(metadata: dict[str, Any], path: str) -> None:
    """K305: known metadata have known types; a wrong one is named by its path."""
    with pytest.raises(SchemaViolationError) as raised:
        enforce_policies(entity(metadata={"name": "n", **metadata}))
    assert str(raised.value).startswith(f"{path} must ")


def test_spec_is_an_object_and_metadata_are_open() -> None:
    """K305: `spec` must be an object if it is there; unknown metadata are kept; a description may be empty."""
    with pytest.raises(SchemaViolationError, match="/spec must be object"):
        enforce_policies(entity(spec=[]))
    kept = enforce_policies(entity(metadata={"name": "n", "description": "", "of-ours": [1]}))
    assert kept["metadata"]["of-ours"] == [1]
