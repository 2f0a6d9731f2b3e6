"""The typed view of entities."""

import msgspec
import pytest

from understage.catalog_api import Entity, EntityRef, to_entity

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
    "spec": {"type": "website"},
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
    assert entity.spec == {"type": "website"}


def test_the_typed_view_speaks_the_wire_format() -> None:
    """K300: written as JSON, the typed view has the members that clients read."""
    text = msgspec.json.encode(to_entity(ENTITY))
    assert msgspec.json.decode(text)["relations"] == ENTITY["relations"]
    assert msgspec.json.decode(text, type=Entity) == to_entity(ENTITY)


def test_a_missing_namespace_is_the_default_one() -> None:
    """K302: without a namespace the entity is in `default`."""
    entity = to_entity({"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}})
    assert entity.metadata.namespace == "default"
    assert entity.relations == []


def test_a_broken_entity_has_no_typed_view() -> None:
    """K300: an entity without a name is refused."""
    with pytest.raises(msgspec.ValidationError, match="name"):
        to_entity({"apiVersion": "v1", "kind": "K", "metadata": {}})
