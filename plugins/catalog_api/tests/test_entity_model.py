"""The typed view of entities."""

from typing import Any

import msgspec
import pytest

from understage.catalog_api import ComponentEntity, EntityRef, GroupEntity, OtherEntity, to_entity

ENTITY = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "labels": {"tier": "gold"},
        "links": [{"url": "https://example.com", "title": "Home"}],
        "of-our-own": {"kept": "in the JSON form only"},
    },
    "spec": {"type": "website", "lifecycle": "production", "owner": "a", "dependsOn": ["resource:db"], "ours": 1},
    "relations": [{"type": "ownedBy", "targetRef": "group:default/a"}],
    "status": {"items": [{"type": "x", "level": "error", "message": "bad"}]},
}


def test_an_entity_has_a_typed_view() -> None:
    """K300: what every entity has is typed; unknown members are allowed."""
    entity = to_entity(ENTITY)
    assert entity.ref == EntityRef("Component", "shop", "web")
    assert entity.metadata.links[0].title == "Home"
    assert entity.relations[0].target_ref == "group:default/a"
    assert entity.status is not None
    assert entity.status.items[0].level == "error"
    assert isinstance(entity, ComponentEntity)
    assert (entity.spec.type, entity.spec.depends_on) == ("website", ["resource:db"])


def test_the_typed_view_speaks_the_wire_format() -> None:
    """K300: written as JSON, the typed view has the members that clients read."""
    text = msgspec.json.encode(to_entity(ENTITY))
    assert msgspec.json.decode(text)["relations"] == ENTITY["relations"]
    assert msgspec.json.decode(text)["spec"]["dependsOn"] == ["resource:db"]
    assert msgspec.json.decode(text, type=ComponentEntity) == to_entity(ENTITY)


def test_a_missing_namespace_is_the_default_one() -> None:
    """K302: without a namespace the entity is in `default`."""
    entity = to_entity({"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}})
    assert entity.metadata.namespace == "default"
    assert entity.relations == []


def test_a_broken_entity_has_no_typed_view() -> None:
    """K300: an entity without a name is refused."""
    with pytest.raises(msgspec.ValidationError, match="name"):
        to_entity({"apiVersion": "v1", "kind": "K", "metadata": {}})


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Component", {"type": "service", "lifecycle": "production", "owner": "a", "providesApis": ["b"]}),
        ("API", {"type": "openapi", "lifecycle": "production", "owner": "a", "definition": "x"}),
        ("Resource", {"type": "database", "owner": "a", "dependencyOf": ["component:b"]}),
        ("System", {"owner": "a", "domain": "b"}),
        ("Domain", {"owner": "a", "subdomainOf": "b"}),
        ("Group", {"type": "team", "children": [], "profile": {"displayName": "A"}}),
        ("User", {"memberOf": ["a"], "profile": {"email": "a@example.com"}}),
        ("Location", {"type": "url", "targets": ["a"]}),
        ("Template", {"type": "service", "steps": [{"action": "log"}], "parameters": {"title": "A"}}),
    ],
)
def test_each_kind_has_a_view_of_its_own(kind: str, spec: dict[str, Any]) -> None:
    """K335, K336, K340: the view is chosen by kind and apiVersion, and says the same as the JSON form."""
    version = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1beta1"
    entity = to_entity({"apiVersion": version, "kind": kind, "metadata": {"name": "n"}, "spec": spec})
    assert type(entity).__name__ == f"{kind.capitalize()}Entity"
    assert (
        msgspec.json.decode(msgspec.json.encode(entity))["spec"].items()
        >= {key: value for key, value in spec.items() if value}.items()
    )


def test_foreign_kinds_keep_their_spec_as_json() -> None:
    """K338: another kind, or another edition of a known one, has a view with its spec as JSON."""
    for version, kind in (("example.com/v1", "Component"), ("backstage.io/v1alpha1", "Robot")):
        entity = to_entity({"apiVersion": version, "kind": kind, "metadata": {"name": "n"}, "spec": {"a": 1}})
        assert isinstance(entity, OtherEntity)
        assert entity.spec == {"a": 1}


def test_what_a_kind_must_have_is_told() -> None:
    """K336: a Group without children is refused, by the path to what is missing."""
    bare = {"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "n"}}
    with pytest.raises(msgspec.ValidationError, match=r"children.*spec"):
        to_entity({**bare, "spec": {"type": "team"}})
    group = to_entity({**bare, "spec": {"type": "team", "children": []}})
    assert isinstance(group, GroupEntity)
    assert group.spec.profile.display_name is None
