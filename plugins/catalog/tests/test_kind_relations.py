"""Relations that follow from the built-in kinds."""

from typing import Any

import pytest

from understage.catalog.model.kind_relations import kind_relations, sort_reference_lists
from understage.catalog_api import EntityRefError


def relations(kind: str, namespace: str = "ns", **spec: Any) -> list[tuple[str, str, str]]:
    entity = {"kind": kind, "metadata": {"name": "me", "namespace": namespace}, "spec": spec}
    return [(str(source), kind, str(target)) for source, kind, target in kind_relations(entity)]


@pytest.mark.parametrize(
    ("kind", "member", "value", "outgoing", "incoming", "target"),
    [
        *[
            (k, "owner", "a", "ownedBy", "ownerOf", "group:ns/a")
            for k in ("Component", "API", "Resource", "System", "Domain")
        ],
        *[(k, "system", "a", "partOf", "hasPart", "system:ns/a") for k in ("Component", "API", "Resource")],
        ("Component", "subcomponentOf", "a", "partOf", "hasPart", "component:ns/a"),
        ("Component", "providesApis", ["a"], "providesApi", "apiProvidedBy", "api:ns/a"),
        ("Component", "consumesApis", ["a"], "consumesApi", "apiConsumedBy", "api:ns/a"),
        *[
            (k, "dependsOn", ["resource:a"], "dependsOn", "dependencyOf", "resource:ns/a")
            for k in ("Component", "Resource")
        ],
        *[
            (k, "dependencyOf", ["resource:a"], "dependencyOf", "dependsOn", "resource:ns/a")
            for k in ("Component", "Resource")
        ],
        ("System", "domain", "a", "partOf", "hasPart", "domain:ns/a"),
        ("Domain", "subdomainOf", "a", "partOf", "hasPart", "domain:ns/a"),
        ("Group", "parent", "a", "childOf", "parentOf", "group:ns/a"),
        ("Group", "children", ["a"], "parentOf", "childOf", "group:ns/a"),
        ("Group", "members", ["a"], "hasMember", "memberOf", "user:ns/a"),
        ("User", "memberOf", ["a"], "memberOf", "hasMember", "group:ns/a"),
    ],
)
def test_each_field_gives_a_relation_and_its_inverse(
    kind: str, member: str, value: Any, outgoing: str, incoming: str, target: str
) -> None:
    """K350-K355: a field gives a relation and its inverse; field and entity say what a reference leaves out."""
    own = f"{kind}:ns/me".lower()
    assert relations(kind, **{member: value}) == [(own, outgoing, target), (target, incoming, own)]


def test_a_reference_may_say_everything_itself() -> None:
    """K355: a whole reference wins over the defaults."""
    assert relations("Component", owner="User:Other/Jane")[0] == ("component:ns/me", "ownedBy", "user:other/jane")


def test_a_dependency_must_name_its_kind() -> None:
    """K352: `dependsOn` implies no kind, so a reference without one fails the entity."""
    with pytest.raises(EntityRefError, match="'db' has no kind"):
        relations("Component", dependsOn=["db"])


def test_other_kinds_have_no_relations() -> None:
    """K350: Locations and foreign kinds give none."""
    assert relations("Location", owner="a") == relations("Robot", owner="a") == []


def test_reference_lists_are_sorted() -> None:
    """K357: lists of references are stored sorted, other lists as they are."""
    spec: dict[str, Any] = {"dependsOn": ["b:b", "a:a"], "memberOf": ["z", "y"], "steps": [2, 1]}
    sort_reference_lists({"spec": spec})
    assert spec == {"dependsOn": ["a:a", "b:b"], "memberOf": ["y", "z"], "steps": [2, 1]}
