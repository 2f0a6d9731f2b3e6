"""The description of the API, made from the operations that are served."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from understage.catalog.http import operations
from understage.catalog.http.operations import Operation
from understage.catalog.http.parameters import Parameter
from understage.catalog.http.responses import send_json
from understage.catalog.http.routing import Request, Routes
from understage.catalog.http.schemas import SHARED, TEXT, Schema, reference

OPENAPI_VERSION = "3.0.3"
_DESCRIPTION = "Entities of the software catalog, and the locations that they come from."


def add_document_route(routes: Routes) -> None:
    """Serves the description of all operations that were added, before or after."""

    @cache
    def document(root_path: str) -> dict[str, Any]:
        return describe(routes.operations, root_path)

    async def get_document(request: Request) -> None:
        await send_json(request.send, document(request.scope.get("root_path", "")))

    routes.add(operations.GET_DOCUMENT, get_document)


def describe(served: Iterable[Operation], root_path: str) -> dict[str, Any]:
    """Returns the OpenAPI document of operations.

    Args:
        served: what to describe.
        root_path: where the plugin is mounted.
    """
    paths: dict[str, Any] = {}
    for operation in served:
        if operation.is_documented:
            paths.setdefault(root_path + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": "catalog", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": "Entity"}, {"name": "Locations"}],
        "paths": paths,
        "components": {
            "schemas": SHARED,
            "responses": {"ErrorResponse": _response("An error.", reference("Error"))},
            "securitySchemes": {"JWT": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "description": operation.summary,
        "security": [{"JWT": []}],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": TEXT} for name in operation.path_parameters),
            *map(_parameter, operation.query.parameters),
        ],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {"required": operation.body.is_required, "content": _json(operation.body.schema)}
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "required": parameter.is_required,
        "allowReserved": True,
        "schema": parameter.schema,
    }
    if parameter.schema["type"] == "array":
        described |= {"style": "form", "explode": not parameter.has_commas}
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    answer = operation.answer
    error = {"$ref": "#/components/responses/ErrorResponse"}
    good = _response("All is well.", answer.schema)
    if answer.has_link:
        good["headers"] = {"link": {"description": "Leads to the next page.", "schema": TEXT}}
    refusal: dict[str, Any] = error
    if answer.refusal is not None:
        refusal = _response("What is wrong.", {"anyOf": [reference(answer.refusal), reference("Error")]})
    return {str(answer.status): good, "400": refusal, "default": error}


def _response(description: str, schema: Schema | None) -> dict[str, Any]:
    return {"description": description, **({} if schema is None else {"content": _json(schema)})}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
