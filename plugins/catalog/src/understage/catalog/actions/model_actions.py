"""Actions about the model: check an entity before it is added, describe what entities are made of."""

from __future__ import annotations

import asyncio
from typing import Any

from understage.catalog.actions.operations import Context, Operations, Output
from understage.catalog.actions.schemas import record, text
from understage.catalog.model.description import describe_model
from understage.catalog_api.permissions import catalog_entity_validate_permission
from understage.errors import InputError
from understage.plugin_api import ActionsRegistryService

DEFAULT_LOCATION = "url:https://localhost/entity-validator"


def register_model_actions(registry: ActionsRegistryService, operations: Operations) -> None:
    """Offers the actions.

    Args:
        registry: where.
        operations: does what they are for.
    """
    actions = ModelActions(operations)
    registry.register(
        name="get-catalog-model-description",
        title="Get a Catalog Model Description",
        description="Describes in Markdown which kinds of entities there are, their members and their relations.",
        output_schema=record(("description",), description=text("The description, in Markdown.")),
        read_only=True,
        idempotent=True,
        action=actions.describe,
    )
    registry.register(
        name="validate-entity",
        title="Validate Catalog Entity",
        description=(
            "Checks the text of a catalog-info.yaml file with one entity: whether it is valid YAML, and whether the "
            "catalog would take the entity. Nothing is stored."
        ),
        input_schema=record(
            ("entity",),
            entity=text("The text of the file."),
            location=text("Where the file would be: `url:` and its address.", format="uri"),
        ),
        output_schema=record(
            ("isValid", "isValidYaml", "errors"),
            isValid={"type": "boolean", "description": "Whether the catalog would take the entity."},
            isValidYaml={"type": "boolean", "description": "Whether the text is YAML."},
            errors={"type": "array", "items": {"type": "string"}, "description": "What is wrong."},
            entity={"type": "object", "additionalProperties": {}, "description": "The entity, if it is valid."},
        ),
        read_only=True,
        idempotent=True,
        action=actions.validate,
    )


class ModelActions:
    """The actions about the model.

    Args:
        operations: does what they are for.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def describe(self, context: Context) -> Output:
        """Describes the model."""
        return {"description": describe_model(self._operations.model)}

    async def validate(self, context: Context) -> Output:
        """Checks an entity."""
        operations = self._operations
        async with operations.audit(context, "entity-validate") as audit:
            await operations.access.check(catalog_entity_validate_permission, context.credentials)
            try:
                entity = await asyncio.to_thread(_read_yaml, context.input["entity"])
            except InputError as error:
                audit.fail(error)
                return _invalid([f"YAML parsing error: {error}"], is_yaml=False)
            location = context.input.get("location") or DEFAULT_LOCATION
            errors = [str(one["message"]) for one in await operations.upkeep.validate(entity, location)]
            if errors:
                audit.fail(InputError("The entity is not valid: " + "; ".join(errors)))
                return _invalid(errors, is_yaml=True)
            return {"isValid": True, "isValidYaml": True, "errors": [], "entity": entity}


def _invalid(errors: list[str], *, is_yaml: bool) -> Output:
    return {"isValid": False, "isValidYaml": is_yaml, "errors": errors}


def _read_yaml(content: str) -> Any:
    from understage.catalog.reading.yaml_documents import read_documents

    documents = read_documents(content, "entity")
    for document in documents:
        if document.error is not None:
            raise document.error
    if len(documents) > 1:
        raise InputError(f"expected one document, found {len(documents)}; check each for itself")
    return documents[0].value if documents else None
