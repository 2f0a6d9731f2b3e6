"""Templates in the catalog."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog_api import EntityRef, LocationRef, SchemaViolationError, catalog_processing_extension_point
from understage.catalog_module_scaffolder_entity_model import feature
from understage.catalog_module_scaffolder_entity_model.processor import ScaffolderEntitiesProcessor
from understage.testing import mock_services, start_test_backend

STEP = {"id": "log", "name": "Log", "action": "debug:log", "input": {"message": "hello"}, "if": "${{ parameters.x }}"}


def template(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "service", "namespace": "default"},
        "spec": {"type": "service", "steps": [STEP], **spec},
    }


async def test_the_module_adds_its_processor() -> None:
    """K340: the module gives the catalog one processor, named as in Backstage."""
    processing = Mock()
    async with start_test_backend(
        features=[feature], extension_points=[(catalog_processing_extension_point, processing)]
    ):
        ((processor,), _) = processing.add_processor.call_args
    assert processor.name == "ScaffolderEntitiesProcessor"


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"parameters": {"properties": {"name": {"type": "string"}}}},
        {"parameters": [{"title": "x", "backstage:permissions": {"tags": ["a"]}}, {}]},
        {"output": {"links": [{"url": "https://x", "if": True}], "text": [{"content": ""}], "remote": "x"}},
        {"steps": [{**STEP, "each": [1], "if": False}], "anything": {"else": 1}},
        {"presentation": {"buttonLabels": {"createButtonText": "Go"}}, "secrets": {"schema": {}}},
    ],
)
async def test_good_templates_are_known(spec: dict[str, Any]) -> None:
    """K340, K342: what the documentation of templates shows is valid, and so are further members."""
    assert await ScaffolderEntitiesProcessor().validate_entity_kind(template(**spec))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"type": ""}, "/spec/type must NOT have fewer than 1 characters - limit: 1"),
        ({"steps": {}}, "/spec/steps must be array - type: array"),
        ({"steps": [{"id": "x"}]}, "/spec/steps/0 must have required property 'action' - missingProperty: action"),
        ({"owner": 1}, "/spec/owner must be string - type: string"),
        ({"parameters": "x"}, "/spec/parameters"),
        ({"output": {"remote": 1}}, "/spec/output/remote must be string - type: string"),
    ],
)
async def test_broken_templates_are_told(spec: dict[str, Any], text: str) -> None:
    """K340, K339: a violation names the member and what is expected of it."""
    with pytest.raises(SchemaViolationError, match=f"^{text}"):
        await ScaffolderEntitiesProcessor().validate_entity_kind(template(**spec))


async def test_missing_members_are_told() -> None:
    """K340: a template has a type and steps."""
    for member in ("type", "steps"):
        entity = template()
        del entity["spec"][member]
        with pytest.raises(SchemaViolationError, match=f"must have required property '{member}'"):
            await ScaffolderEntitiesProcessor().validate_entity_kind(entity)


async def test_other_kinds_are_left_to_others() -> None:
    """K340: other kinds, and templates of other versions, are not this processor's."""
    processor = ScaffolderEntitiesProcessor()
    emit = Mock()
    for entity in ({**template(), "kind": "Component"}, {**template(), "apiVersion": "backstage.io/v1beta2"}):
        assert not await processor.validate_entity_kind(entity)
        place = LocationRef("url", "https://x")
        assert await processor.post_process_entity(entity, location=place, emit=emit, cache=Mock()) is entity
    assert not emit.mock_calls


async def test_an_owner_is_related() -> None:
    """K350, K355: the owner is a Group of the template's own namespace unless it says otherwise."""
    emit = Mock()
    entity = template(owner="team")
    place = LocationRef("url", "https://x")
    await ScaffolderEntitiesProcessor().post_process_entity(entity, location=place, emit=emit, cache=Mock())
    own, team = EntityRef("Template", "default", "service"), EntityRef("Group", "default", "team")
    assert [call.args for call in emit.relation.call_args_list] == [(own, "ownedBy", team), (team, "ownerOf", own)]


async def test_a_backend_serves_templates(tmp_path: Any) -> None:
    """K340, K350: with the module, a template from a file is served with its owner; without it, it is refused."""
    file = tmp_path / "template.yaml"
    file.write_text(
        "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: service}\n"
        "spec: {type: service, owner: team, steps: [{action: 'debug:log'}]}\n"
    )
    data = {
        "catalog": {
            "locations": [{"type": "file", "target": str(file)}],
            "rules": [{"allow": ["Template", "Location"]}],
        }
    }
    config = mock_services.root_config.factory(data=data)
    async with start_test_backend(features=[catalog_feature, feature, config]) as backend, asyncio.timeout(20):
        while True:
            response = await backend.client.get("/api/catalog/entities/by-name/template/default/service")
            if response.status_code == 200:
                break
            await asyncio.sleep(0.02)
        body = {"entity": template(steps=[]), "location": "url:https://x"}
        assert (await backend.client.post("/api/catalog/validate-entity", json=body)).status_code == 200
    assert response.json()["relations"] == [{"type": "ownedBy", "targetRef": "group:default/team"}]
    async with start_test_backend(features=[catalog_feature, mock_services.root_config.factory(data={})]) as backend:
        refused = await backend.client.post("/api/catalog/validate-entity", json=body)
    assert "No processor recognized the entity" in refused.text
