"""The official catalog client, from npm, reads the example backend's catalog."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
ENTITIES = HERE.parents[1] / "examples/backend/entities"
pytestmark = pytest.mark.xdist_group("clients")
Json = Any


def read_catalog(node: str, url: str, token: str) -> Json:
    """Runs the official client and returns what it got."""
    command = [node, "read_catalog.cjs", url, token]
    run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def entity_ref(entity: Json) -> str:
    metadata = entity["metadata"]
    return f"{entity['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()


def refs(entities: list[Json]) -> list[str]:
    return [entity_ref(entity) for entity in entities]


def written_entities() -> Iterator[Json]:
    for file in sorted(ENTITIES.rglob("*.yaml")):
        yield from (document for document in yaml.safe_load_all(file.read_text()) if document)


@pytest.fixture(scope="module")
def as_guest(node: str, example_backend: Any) -> Json:
    return read_catalog(node, example_backend.url, example_backend.guest_identity()["token"])


@pytest.fixture(scope="module")
def as_service(node: str, example_backend: Any) -> Json:
    return read_catalog(node, example_backend.url, example_backend.static_token)


def test_the_client_lists_every_entity_that_was_written(as_guest: Json) -> None:
    """Every entity of the example's files is listed with the kind, spec and metadata that were written."""
    listed = {entity_ref(entity): entity for entity in as_guest["all"]}
    written = list(written_entities())
    assert written
    for entity in written:
        found = listed[entity_ref(entity)]
        assert found["apiVersion"] == entity["apiVersion"]
        assert found.get("spec") == entity.get("spec")
        assert (
            found["metadata"].items()
            >= {key: value for key, value in entity["metadata"].items() if key not in ("annotations", "labels")}.items()
        )
        assert found["metadata"]["annotations"].items() >= entity["metadata"].get("annotations", {}).items()
        assert found["metadata"]["uid"]
        assert found["metadata"]["etag"]


def test_a_guest_and_a_service_see_the_same(as_guest: Json, as_service: Json) -> None:
    """A guest's token and an external service's static token read the same catalog."""
    assert as_guest == as_service


def test_a_guest_owns_what_the_catalog_says(example_backend: Any, as_service: Json) -> None:
    """P7, P16: the guest's identity has the groups that the catalog relates the guest user to."""
    identity = example_backend.guest_identity()["identity"]
    (guest,) = (entity for entity in as_service["all"] if entity_ref(entity) == identity["userEntityRef"])
    groups = [relation["targetRef"] for relation in guest["relations"] if relation["type"] == "memberOf"]
    assert groups
    assert identity["ownershipEntityRefs"] == [identity["userEntityRef"], *groups]


def test_the_client_fetches_entities_by_ref(as_guest: Json) -> None:
    """By its ref an entity is the same as in the list; one that does not exist is none."""
    (listed,) = (entity for entity in as_guest["all"] if entity_ref(entity) == as_guest["ref"].lower())
    assert as_guest["byRef"] == listed
    assert as_guest["missing"] is None
    assert as_guest["byRefs"] == [listed, None]


def test_the_client_filters(as_guest: Json) -> None:
    """A filter on kinds returns those kinds and nothing else."""
    expected = [ref for ref in refs(as_guest["all"]) if ref.startswith(("component:", "system:"))]
    assert expected
    assert sorted(refs(as_guest["filtered"])) == sorted(expected)


def test_the_client_chooses_fields(as_guest: Json) -> None:
    """With fields, entities hold those fields only."""
    assert as_guest["fields"]
    assert all(list(entity) == ["kind", "metadata"] for entity in as_guest["fields"])
    assert all(list(entity["metadata"]) == ["name"] for entity in as_guest["fields"])


def test_the_client_orders(as_guest: Json) -> None:
    """Ordered by name, descending."""
    names = [entity["metadata"]["name"].lower() for entity in as_guest["ordered"]]
    assert len(names) == len(as_guest["all"])
    assert names == sorted(names, reverse=True)


def test_the_client_walks_pages(as_guest: Json) -> None:
    """Following cursors from page to page meets every entity once, in order."""
    names = [entity["metadata"]["name"].lower() for entity in as_guest["pages"]["items"]]
    assert names == sorted(names)
    assert sorted(refs(as_guest["pages"]["items"])) == sorted(refs(as_guest["all"]))
    assert as_guest["pages"]["totalItems"] == len(as_guest["all"])


def test_the_client_walks_back(as_guest: Json) -> None:
    """The cursor to the previous page leads back to the first one."""
    assert as_guest["back"]["first"]
    assert as_guest["back"]["again"] == as_guest["back"]["first"]


def test_the_client_searches(as_guest: Json) -> None:
    """A full-text term finds the entity that it is taken from."""
    assert as_guest["ref"].lower() in refs(as_guest["searched"])


def test_the_client_counts_facets(as_guest: Json) -> None:
    """The facet of kinds counts every entity once."""
    counts = {facet["value"]: facet["count"] for facet in as_guest["facets"]["kind"]}
    kinds = [entity["kind"] for entity in as_guest["all"]]
    assert counts == {kind: kinds.count(kind) for kind in set(kinds)}
