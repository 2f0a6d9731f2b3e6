"""Every method of the official catalog client, from npm, against a catalog that it may also change."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.clients.conftest import HERE, RunningBackend, filled_backend

pytestmark = pytest.mark.xdist_group("clients")
Json = Any
EXISTS = {"$exists": True}
PATIENCE_SECONDS = 20
MISSING = "00000000-0000-4000-8000-000000000000"
SHOP = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: NAME, title: "Emporium, the", tags: [bazaar, web]}
spec: {type: store, lifecycle: experimental, owner: team-shop}
"""


class Refused(Exception):
    """The client threw an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["message"])
        self.status: int | None = error["status"]


@dataclass(frozen=True)
class Client:
    """The official client in a process of its own; `url` is where files of entities are served from `folder`."""

    process: subprocess.Popen[str]
    folder: Path
    url: str

    def __call__(self, method: str, *arguments: Json) -> Json:
        """Calls a method, and returns what it returned."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]

    def write(self, file: str, name: str) -> str:
        """Writes a file of one component, and returns its address."""
        (self.folder / file).write_text(SHOP.replace("NAME", name))
        return f"{self.url}/{file}"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("files")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def backend(files: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    host = files[1].removeprefix("http://")
    more = f"backend: {{reading: {{allow: [{{host: '{host}'}}]}}}}\ncatalog: {{processingInterval: {{seconds: 1}}}}\n"
    with filled_backend(tmp_path_factory.mktemp("backend"), more) as running:
        yield running


@pytest.fixture(scope="module")
def client(node: str, backend: RunningBackend, files: tuple[Path, str]) -> Iterator[Client]:
    command = [node, "call_catalog.cjs", backend.url, backend.static_token]
    with subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Client(process, *files)
        assert process.stdin is not None
        process.stdin.close()


def names(entities: Json) -> list[str]:
    return [entity["metadata"]["name"] for entity in entities]


def eventually(check: Callable[[], Json]) -> Json:
    """Asks again until the answer is truthy."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return found


@pytest.fixture
def registered(client: Client) -> Iterator[Json]:
    """A location with one component, `emporium`."""
    location = client("addLocation", {"target": client.write("shop.yaml", "emporium")})["location"]
    eventually(lambda: client("getEntityByRef", "component:emporium"))
    yield location
    if client("getLocationById", location["id"]) is not None:
        client("removeLocationById", location["id"])


@pytest.mark.parametrize(
    ("filter_form", "expected"),
    [
        ({"kind": "component", "spec.type": "store"}, ["emporium"]),
        ({"kind": ["component", "api"], "metadata.name": "EMPORIUM"}, ["emporium"]),
        ({"metadata.tags.bazaar": EXISTS, "kind": "component"}, ["emporium"]),
        ([{"metadata.tags": "bazaar"}, {"metadata.name": "nope"}], ["emporium"]),
        ({"relations.ownedBy": "group:default/team-shop"}, ["emporium"]),
        ({"kind": "component", "spec.type": "nope"}, []),
    ],
)
def test_filters(client: Client, registered: Json, filter_form: Json, expected: list[str]) -> None:
    """K40-K42, K44, K47, K48, K555: every form of a filter means the same in getEntities and in queryEntities."""
    assert names(client("getEntities", {"filter": filter_form})["items"]) == expected
    assert names(client("queryEntities", {"filter": filter_form})["items"]) == expected
    everything = {"filter": filter_form, "query": {}}
    assert names(client("queryEntities", everything)["items"]) == expected


def test_get_entities(client: Client, registered: Json) -> None:
    """K84, K555: fields, several orders, offset, limit and after."""
    orders = [{"field": "kind", "order": "desc"}, {"field": "metadata.name", "order": "asc"}]
    everything = client("getEntities", {"order": orders, "limit": 1000, "fields": ["kind", "metadata.name"]})["items"]
    kinds = [entity["kind"].lower() for entity in everything]
    assert kinds == sorted(kinds, reverse=True)
    part = client("getEntities", {"order": orders, "offset": 1, "limit": 2, "fields": ["kind", "metadata.name"]})
    assert part["items"] == everything[1:3]
    after = "eyJsaW1pdCI6MSwib2Zmc2V0IjoyfQ=="
    assert client("getEntities", {"order": orders, "after": after, "fields": ["kind", "metadata.name"]})["items"] == [
        everything[2]
    ]
    with pytest.raises(Refused) as refused:
        client("getEntities", {"order": {"field": "kind", "order": "up"}})
    assert refused.value.status == 400


@pytest.mark.parametrize("asked", [{"filter": {"kind": ["component", "system"]}}, {"query": {"kind": "component"}}])
def test_query_entities(client: Client, registered: Json, asked: Json) -> None:
    """K110, K114-K116, K556: pages forwards and backwards, by filter and by predicate, with and without a total."""
    order = {"field": "metadata.name", "order": "asc"}
    whole = client("queryEntities", {**asked, "orderFields": order})
    assert whole["totalItems"] == len(whole["items"]) >= 3
    first = client("queryEntities", {**asked, "orderFields": order, "limit": 1})
    second = client("queryEntities", {"cursor": first["pageInfo"]["nextCursor"], "limit": 2})
    back = client("queryEntities", {"cursor": second["pageInfo"]["prevCursor"], "limit": 1})
    assert [*first["items"], *second["items"]] == whole["items"][:3]
    assert back["items"] == first["items"]
    assert "prevCursor" not in first["pageInfo"]
    assert client("queryEntities", {**asked, "totalItems": "exclude"})["totalItems"] == 0
    text = {"term": " EMPO ", "fields": ["metadata.name"]}
    assert names(client("queryEntities", {**asked, "fullTextFilter": text})["items"]) == ["emporium"]


@pytest.mark.parametrize(
    "query",
    [
        {"$all": [{"kind": "component"}, {"metadata.tags": {"$contains": "bazaar"}}]},
        {"metadata.title": "emporium, the"},
        {"metadata.name": {"$hasPrefix": "empo"}},
        {"relations": {"$contains": {"type": "ownedBy", "targetRef": "group:default/team-shop"}}},
        {"spec.type": {"$in": ["store"]}},
        {"$all": [{"spec.type": "store"}, {"$not": {"metadata.labels.x": {"$exists": True}}}]},
    ],
)
def test_predicates(client: Client, registered: Json, query: Json) -> None:
    """K50-K54, K57-K60, K556: predicates find by any matcher."""
    assert names(client("queryEntities", {"query": query})["items"]) == ["emporium"]


def test_a_mixed_predicate_is_refused(client: Client) -> None:
    """K51: an operator stands alone in its object."""
    with pytest.raises(Refused) as refused:
        client("queryEntities", {"query": {"kind": "component", "$not": {}}})
    assert refused.value.status == 400


def test_get_entities_by_refs(client: Client, registered: Json) -> None:
    """K170-K173, K557: in order, null for what is missing or filtered, and more than one body takes."""
    refs = ["component:default/emporium", "component:default/nope", "component:default/emporium"]
    found = client("getEntitiesByRefs", {"entityRefs": refs, "fields": ["metadata.name"]})["items"]
    assert found == [{"metadata": {"name": "emporium"}}, None, {"metadata": {"name": "emporium"}}]
    for narrowed in ({"filter": {"kind": "api"}}, {"query": {"kind": "api"}}):
        assert client("getEntitiesByRefs", {"entityRefs": refs[:1], **narrowed})["items"] == [None]
    many = [f"component:default/{'x' * 50}{number}" for number in range(2500)]
    found = client("getEntitiesByRefs", {"entityRefs": [*many, refs[0]]})["items"]
    assert (len(found), found[-1]["kind"]) == (2501, "Component")
    assert client("getEntitiesByRefs", {"entityRefs": []})["items"] == []


def test_get_entity_by_ref(client: Client, registered: Json) -> None:
    """K140, K558: by text in any case, by parts, or nothing."""
    found = client("getEntityByRef", "Component:Default/Emporium")
    assert found["metadata"]["name"] == "emporium"
    assert client("getEntityByRef", {"kind": "component", "namespace": "default", "name": "emporium"}) == found
    assert client("getEntityByName", {"kind": "component", "name": "emporium"}) == found
    assert client("getEntityByRef", "component:default/nope") is None


def test_get_entity_ancestors(client: Client, registered: Json) -> None:
    """K160, K161, K559: the entity, then the location that brought it."""
    found = client("getEntityAncestors", {"entityRef": "component:default/emporium"})
    assert found["rootEntityRef"] == "component:default/emporium"
    assert [item["parentEntityRefs"] for item in found["items"]] == [[registered["entityRef"]], []]
    with pytest.raises(Refused) as refused:
        client("getEntityAncestors", {"entityRef": "component:default/nope"})
    assert refused.value.status == 404


def test_get_entity_facets(client: Client, registered: Json) -> None:
    """K180-K187, K560: by filter, by predicate, and with several facets."""
    asked = {"facets": ["spec.type", "metadata.tags", "SPEC.Type", "nope"]}
    expected = {
        "SPEC.Type": [{"value": "store", "count": 1}],
        "spec.type": [{"value": "store", "count": 1}],
        "metadata.tags": [{"value": "bazaar", "count": 1}, {"value": "web", "count": 1}],
        "nope": [],
    }
    assert client("getEntityFacets", {**asked, "filter": {"metadata.name": "emporium"}})["facets"] == expected
    assert client("getEntityFacets", {**asked, "query": {"metadata.name": "emporium"}})["facets"] == expected


def test_refresh_entity(client: Client, registered: Json) -> None:
    """K239, K240, K561: after a refresh, what the file says now is served."""
    client("refreshEntity", "component:default/emporium")
    (client.folder / "shop.yaml").write_text(SHOP.replace("NAME", "emporium").replace("experimental", "production"))
    client("refreshEntity", "component:default/emporium")
    eventually(lambda: client("getEntityByRef", "component:default/emporium")["spec"]["lifecycle"] == "production")
    with pytest.raises(Refused) as refused:
        client("refreshEntity", "component:default/nope")
    assert refused.value.status == 404


def test_remove_entity_by_uid(client: Client, registered: Json) -> None:
    """K150, K152, K561: the entity goes, and comes back under another id, since its location still brings it."""
    before = client("getEntityByRef", "component:default/emporium")["metadata"]["uid"]
    client("removeEntityByUid", before)
    client("removeEntityByUid", MISSING)
    again = eventually(lambda: client("getEntityByRef", "component:default/emporium"))
    assert again["metadata"]["uid"] != before


def test_add_location(client: Client, registered: Json) -> None:
    """K191, K194, K199, K564: registered, tried out, a conflict, and a refresh instead of one."""
    target = client.write("other.yaml", "other")
    tried = client("addLocation", {"target": target, "dryRun": True})
    assert (tried["exists"], names(tried["entities"])[-1]) == (False, "other")
    assert client("getLocationByRef", f"url:{target}") is None
    with pytest.raises(Refused) as refused:
        client("addLocation", {"target": registered["target"]})
    assert refused.value.status == 409
    again = client("addLocation", {"target": registered["target"], "onConflict": "refresh"})
    assert again["location"] == registered
    with pytest.raises(Refused) as refused:
        client("addLocation", {"type": "file", "target": target})
    assert refused.value.status == 400


def test_update_location(client: Client, registered: Json) -> None:
    """K208, K564: the location keeps its id, its new entities come and the old ones go."""
    changed = client("updateLocation", registered["id"], {"target": client.write("moved.yaml", "moved")})
    assert (changed["id"], changed["entityRef"]) == (registered["id"], registered["entityRef"])
    eventually(lambda: client("getEntityByRef", "component:moved"))
    eventually(lambda: client("getEntityByRef", "component:emporium") is None)
    with pytest.raises(Refused) as refused:
        client("updateLocation", MISSING, {"target": "https://example.com/x.yaml"})
    assert refused.value.status == 404


def test_remove_location_by_id(client: Client, registered: Json) -> None:
    """K207, K210, K564: with the location go its entities; a second time it is unknown."""
    client("removeLocationById", registered["id"])
    eventually(lambda: client("getEntityByRef", "component:emporium") is None)
    with pytest.raises(Refused) as refused:
        client("removeLocationById", registered["id"])
    assert refused.value.status == 404


def test_locations_are_found(client: Client, registered: Json) -> None:
    """K202, K207, K211, K562: in the list, by id, by type and target, and by an entity that it brought."""
    assert registered in client("getLocations", {})["items"]
    assert client("getLocationById", registered["id"]) == registered
    assert client("getLocationByRef", f"url:{registered['target']}") == registered
    assert client("getLocationByEntity", "component:default/emporium") == registered
    assert client("getLocationById", MISSING) is None
    assert client("getLocationByEntity", "component:default/nope") is None


def test_locations_are_queried_and_streamed(client: Client, registered: Json) -> None:
    """K203, K205, K563: by a predicate, page by page."""
    others = [client("addLocation", {"target": f"https://example.com/{name}.yaml"})["location"] for name in "ab"]
    query = {"target": {"$hasPrefix": "https://example.com/"}}
    page = client("queryLocations", {"query": query, "limit": 1})
    assert (len(page["items"]), page["totalItems"]) == (1, 2)
    rest = client("queryLocations", {"cursor": page["pageInfo"]["nextCursor"]})
    by_id = sorted(others, key=lambda one: str(one["id"]))
    assert [*page["items"], *rest["items"]] == by_id
    assert client("streamLocations", {"query": query, "limit": 1}) == [[one] for one in by_id]
    for one in others:
        client("removeLocationById", one["id"])


@pytest.mark.parametrize("asked", [{"filter": {"kind": "component"}}, {"query": {"kind": "component"}}])
def test_stream_entities(client: Client, registered: Json, asked: Json) -> None:
    """K566: all pages, by filter and by predicate."""
    whole = client("queryEntities", asked)["items"]
    pages = client("streamEntities", {**asked, "pageSize": 2})
    assert [entity for page in pages for entity in page] == whole
    assert all(len(page) <= 2 for page in pages)


def test_validate_entity(client: Client) -> None:
    """K235, K236, K565: valid or not, with the errors; a broken request is refused."""
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "x"},
        "spec": {"type": "a", "lifecycle": "b", "owner": "c"},
    }
    place = "url:https://example.com/x.yaml"
    assert client("validateEntity", entity, place) == {"valid": True}
    wrong = client("validateEntity", {**entity, "spec": {}}, place)
    assert not wrong["valid"]
    assert "must have required property 'type'" in wrong["errors"][0]["message"]


def test_analyze_location(client: Client) -> None:
    """K230, K232, K233, K565: a suggestion, or a refusal of what is no address."""
    answer = client("analyzeLocation", {"location": {"type": "url", "target": "https://example.com/team/shop"}})
    assert answer["existingEntityFiles"] == []
    assert answer["generateEntities"][0]["entity"]["metadata"]["name"] == "shop"
    with pytest.raises(Refused) as refused:
        client("analyzeLocation", {"location": {"type": "url", "target": "nothing"}})
    assert refused.value.status == 400
