"""Answers of a recorded stock backend over the same entities, replayed request by request."""

import asyncio
import base64
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest

from understage.catalog import feature as catalog
from understage.catalog_api import (
    CatalogProcessing,
    CatalogProcessor,
    Emit,
    EntityJson,
    EntityRef,
    LocationRef,
    ProcessorCache,
    parse_entity_ref,
    relations,
)
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module
from understage.testing import mock_services, start_test_backend

DATA = Path(__file__).parent / "data"
RECORDINGS: list[dict[str, Any]] = json.loads((DATA / "recordings.json").read_text())
CHANGES: list[dict[str, Any]] = json.loads((DATA / "recorded_changes.json").read_text())
RECORDED_ROOT = "/srv/backstage"
RECORDED_FILES = "http://127.0.0.1:7999/files"
PATIENCE_SECONDS = 15
GENERATED = re.compile(r"generated-[0-9a-f]{40}")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ORDERED = re.compile(r"(order=asc:|orderField=)metadata\.name|cursor=|/entities\?limit=|/entities/by-refs")
ENTITY_COUNT = 19
LEARN_MORE = re.compile(r"\. To learn more about catalog file format, visit: [^\s\"]+")
OTHER_TEXTS = {
    # The recorded text quotes the JavaScript engine on bytes that are not even valid UTF-8.
    "catalog-by-query-cursor-bad": "Malformed cursor, could not be parsed",
    # A fraction is refused as well, so the text says what is expected.
    "catalog-by-query-post-bad": "request/body/limit must be integer",
    # One sentence says it, and an error says what was being done.
    "catalog-locations-extra": "request/body must NOT have additional properties: 'x'",
    "catalog-locations-dryrun-404": (
        f"NotFoundError: url:{RECORDED_FILES}/nofile.yaml could not be read; "
        f"caused by NotFoundError: Unable to read url, no matching files found for {RECORDED_FILES}/nofile.yaml"
    ),
    # The YAML library has its own words; ours names line and column.
    "catalog-locations-dryrun-syntax": (
        f"InputError: YAML error at {RECORDED_FILES}/syntax.yaml:2:2 in document 0: "
        "did not find expected ',' or ']' (while parsing a flow sequence)"
    ),
}


class TemplateProcessor(CatalogProcessor):
    """Knows the kind Template, as the scaffolder's module does."""

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        return bool(entity["kind"] == "Template")

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["kind"] == "Template":
            own = EntityRef("Template", entity["metadata"]["namespace"], entity["metadata"]["name"])
            owner = parse_entity_ref(entity["spec"]["owner"], default_kind="Group", default_namespace=own.namespace)
            emit.relation(own, relations.OWNED_BY, owner)
            emit.relation(owner, relations.OWNER_OF, own)
        return entity


@create_backend_module(plugin_id="catalog", module_id="template-kind")
def template_module(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init(processing: CatalogProcessing) -> None:
        processing.add_processor(TemplateProcessor())


def config(root: Path) -> dict[str, Any]:
    everything = ["Template", "Component", "Resource", "Group", "User", "Domain"]
    return {
        "catalog": {
            "rules": [{"allow": ["Component", "System", "API", "Resource", "Location"]}],
            "locations": [
                {"type": "file", "target": f"{root}/examples/entities.yaml"},
                {
                    "type": "file",
                    "target": f"{root}/examples/template/template.yaml",
                    "rules": [{"allow": ["Template"]}],
                },
                {"type": "file", "target": f"{root}/examples/org.yaml", "rules": [{"allow": ["User", "Group"]}]},
                {"type": "file", "target": f"{root}/extra/entities.yaml", "rules": [{"allow": everything}]},
                {"type": "file", "target": f"{root}/extra/broken.yaml"},
                {"type": "file", "target": f"{root}/extra/missing.yaml"},
            ],
        },
    }


@dataclass
class Replay:
    """A running catalog over the recorded entities, and what its ids and paths are in the recordings."""

    client: httpx2.AsyncClient
    root: Path
    recorded_ids: dict[str, str]

    def neutral(self, value: Any) -> Any:
        """Returns a response without what differs from run to run: ids, etags, paths, generated names, cursors."""
        if isinstance(value, dict):
            return {key: self.neutral(inner) for key, inner in value.items() if key != "etag"}
        if isinstance(value, list):
            return [self.neutral(inner) for inner in value]
        if isinstance(value, str):
            if value.startswith("eyJ"):
                return self.neutral(json.loads(base64.b64decode(value)))
            text = value.replace(str(self.root), RECORDED_ROOT)
            return UUID.sub("<id>", GENERATED.sub("generated", text))
        return value

    def translated(self, url: str) -> str:
        """Returns a recorded address with the ids of this run in its cursor."""
        cursor = parse_qs(urlsplit(url).query).get("cursor", [""])[0]
        if not cursor.startswith("eyJ"):
            return url
        decoded = base64.b64decode(cursor).decode()
        for recorded, ours in self.recorded_ids.items():
            decoded = decoded.replace(recorded, ours)
        encoded = base64.b64encode(decoded.encode()).decode()
        return url.replace(quote(cursor, safe=""), quote(encoded, safe="")).replace(cursor, quote(encoded, safe=""))


@pytest.fixture(scope="module")
async def replay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replay]:
    root = tmp_path_factory.mktemp("recorded")
    shutil.copytree(DATA / "recorded", root, dirs_exist_ok=True)
    web = mock_services.url_reader.factory(
        {f"{RECORDED_FILES}/{file.name}": file.read_bytes() for file in (DATA / "recorded/files").iterdir()}
    )
    features = [catalog, template_module, web, mock_services.root_config.factory(data=config(root))]
    async with start_test_backend(features=features) as backend:
        ours = await settled(backend.client)
        yield Replay(backend.client, root, translations(ours))


async def settled(client: httpx2.AsyncClient) -> list[EntityJson]:
    """Waits until all entities have all of their relations."""
    recorded = next(one for one in RECORDINGS if one["name"] == "catalog-entities")["response"]
    expected = sum(len(entity["relations"]) for entity in recorded)
    async with asyncio.timeout(20):
        while True:
            entities: list[EntityJson] = (await client.get("/api/catalog/entities")).json()
            if len(entities) == ENTITY_COUNT and sum(len(one["relations"]) for one in entities) == expected:
                return entities
            await asyncio.sleep(0.05)


def translations(ours: list[EntityJson]) -> dict[str, str]:
    """Returns what recorded ids and generated names are in this run; generated names in their order."""
    recorded = next(one for one in RECORDINGS if one["name"] == "catalog-entities")["response"]
    pairs = zip(sorted(recorded, key=identity), sorted(ours, key=identity), strict=True)
    names: dict[str, str] = {}
    for theirs, mine in pairs:
        names[theirs["metadata"]["uid"]] = mine["metadata"]["uid"]
        names[theirs["metadata"]["name"]] = mine["metadata"]["name"]
    return names


def identity(entity: EntityJson) -> tuple[str, str]:
    return entity["kind"], entity["metadata"]["name"]


def sorted_ties(value: Any, url: str) -> Any:
    """Puts entities in one order where the request leaves it to the ids, which differ from run to run."""
    if ORDERED.search(url):
        return value
    items = value.get("items") if isinstance(value, dict) else value
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        items.sort(key=lambda item: (item.get("spec", {}).get("type", ""), json.dumps(item, sort_keys=True)))
    return value


@pytest.mark.parametrize("recording", RECORDINGS, ids=[f"{i}-{one['name']}" for i, one in enumerate(RECORDINGS)])
async def test_it_answers_as_recorded(replay: Replay, recording: dict[str, Any]) -> None:
    """The same status, body and link as recorded.

    K1-K6, K8, K11, K13, K14, K18, K19, K40-K43, K46-K48, K50, K52-K54, K57, K70, K72, K80-K87, K100-K105, K107, K108,
    K110-K116, K130, K140, K170-K173, K180, K182-K187, K360-K362, K364.
    """
    body = recording.get("body")
    content = body if isinstance(body, str) else None if body is None else json.dumps(body)
    headers = {"Content-Type": recording["contentType"]} if "contentType" in recording else {}
    response = await replay.client.request(
        recording["method"], replay.translated(recording["url"]), content=content, headers=headers
    )
    if recording["status"] == 304:
        unconditional = await replay.client.get(recording["url"])
        headers["If-None-Match"] = unconditional.headers["etag"]
        response = await replay.client.get(recording["url"], headers=headers)
    assert response.status_code == recording["status"], response.text
    expected = recording["response"]
    if recording["name"] in OTHER_TEXTS:
        expected["error"]["message"] = OTHER_TEXTS[recording["name"]]
    actual = response.json() if response.content else ""
    actual, expected = replay.neutral(actual), replay.neutral(expected)
    if not (isinstance(body, dict) and "orderBy" in body):
        actual, expected = sorted_ties(actual, recording["url"]), sorted_ties(expected, recording["url"])
    assert actual == expected
    assert response.headers.get("link") == recording.get("link")
    assert ("etag" in response.headers) == recording["etag"]


async def test_members_come_in_the_recorded_order(replay: Replay) -> None:
    """K368: a served entity begins with metadata, apiVersion, kind, spec and relations, in this order."""
    entity = (await replay.client.get("/api/catalog/entities/by-name/component/default/documented")).json()
    assert list(entity) == ["metadata", "apiVersion", "kind", "spec", "relations"]
    assert list(entity["metadata"])[-2:] == ["uid", "etag"]


async def test_changes_are_answered_as_recorded(replay: Replay) -> None:
    """A location is tried out, registered, found, its entities validated, deleted, and the location removed.

    deviation: errors have words of their own where upstream's quote its libraries; see OTHER_TEXTS.

    K10, K13, K161, K150, K190-K194, K197, K199, K200, K202, K203, K207, K210, K211, K230, K232, K235-K236, K240, K241,
    K300, K329, K338, K339, K362, K364, K365.
    """
    known = dict(replay.recorded_ids)
    for recording in CHANGES:
        deadline = time.monotonic() + PATIENCE_SECONDS
        expected = recorded_answer(replay, recording)
        while (answer := await asked(replay, recording, known)) != expected:
            may_come = recording["method"] == "GET" and time.monotonic() < deadline
            assert may_come, (recording["name"], answer, expected)
            await asyncio.sleep(0.05)


def recorded_answer(replay: Replay, recording: dict[str, Any]) -> tuple[int, Any, bool]:
    response = json.loads(LEARN_MORE.sub("", json.dumps(recording["response"])))
    if recording["name"] in OTHER_TEXTS:
        response["error"]["message"] = OTHER_TEXTS[recording["name"]]
    return recording["status"], in_one_order(replay.neutral(response)), recording["etag"]


async def asked(replay: Replay, recording: dict[str, Any], known: dict[str, str]) -> tuple[int, Any, bool]:
    """Makes a recorded request with the ids of this run, learns new ones, and returns the answer."""
    url = recording["url"]
    for theirs, ours in known.items():
        url = url.replace(theirs, ours)
    headers = {"Content-Type": recording["contentType"]} if "contentType" in recording else {}
    content = json.dumps(recording["body"]) if "body" in recording else None
    response = await replay.client.request(recording["method"], url, content=content, headers=headers)
    answer = response.json() if response.content else ""
    known |= dict(zip(ids_of(recording["response"]), ids_of(answer), strict=False))
    return response.status_code, in_one_order(replay.neutral(answer)), "etag" in response.headers


def in_one_order(answer: Any) -> Any:
    """Puts the entities of a dry run in one order; which of the siblings comes first is nobody's promise."""
    if isinstance(answer, dict) and "entities" in answer:
        answer["entities"].sort(key=lambda entity: str(entity["metadata"]["name"]))
    return answer


def ids_of(answer: Any) -> list[str]:
    """Returns the id of the location or entity that an answer is about."""
    if not isinstance(answer, dict):
        return []
    one = answer.get("location", answer).get("id") or answer.get("metadata", {}).get("uid")
    return [one] if one and UUID.fullmatch(one) else []
