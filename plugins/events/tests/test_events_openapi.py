import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from understage.events.openapi import openapi_document

RECORDED = json.loads((Path(__file__).parent / "data" / "recordings.json").read_text())


def described(method: str, url: str) -> dict[str, Any] | None:
    """Returns the operation that describes a request, or None."""
    for path, operations in openapi_document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), url):
            return operations.get(method.lower())  # type: ignore[no-any-return]
    return None


def validate(schema: dict[str, Any], value: Any) -> None:
    document = openapi_document()
    jsonschema.Draft4Validator({**schema, "components": document["components"]}).validate(value)


async def test_the_description_is_served(start_bus: Any) -> None:
    """E11: users and services read it, nobody else; its paths begin with the plugin's, as Node backends have them."""
    async with start_bus() as bus:
        assert (await bus.ask("GET", "/openapi.json", who="none")).status_code == 401
        for who in ("user", "service"):
            answer = await bus.ask("GET", "/openapi.json", who=who)
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            assert answer.json() == openapi_document()
    assert openapi_document()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["name"]))
def test_recorded_answers_are_as_described(recorded: Any) -> None:
    """E11: what a real events backend was asked and answered fits the description; what it refused does not."""
    operation = described(recorded["method"], recorded["url"])
    if operation is None:
        assert (recorded["method"], recorded["status"]) == ("GET", 404)
        return
    answers = operation["responses"]
    answer = answers.get(str(recorded["status"]), answers["default"])
    if "$ref" in answer:
        answer = openapi_document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    assert ("content" in answer) == bool(recorded["body"])
    if recorded["body"]:
        validate(answer["content"]["application/json"]["schema"], json.loads(recorded["body"]))
    if "requestBody" in operation and isinstance(recorded["request"], dict):
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if recorded["status"] == 400:
            with pytest.raises(jsonschema.ValidationError):
                validate(schema, recorded["request"])
        else:
            validate(schema, recorded["request"])


async def test_every_route_is_described(start_bus: Any) -> None:
    """E11: each route is described, and each description is of a route."""
    paths = [(path, method) for path, operations in openapi_document()["paths"].items() for method in operations]
    assert len(paths) == 4
    async with start_bus(http={"topics": ["github"]}) as bus:
        for path, method in paths:
            url = re.sub(r"\{\w+\}", "github", path.removeprefix("/api/events"))
            answer = await bus.ask(method.upper(), url, json={})
            assert answer.status_code in (202, 400) or answer.json()["error"]["name"] == "NotFoundError", path
