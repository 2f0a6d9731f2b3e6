"""The description of the plugin's routes, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

_JSON = "application/json"
_TEXT: dict[str, Any] = {"type": "string"}


def openapi_document(base_path: str = "/api/events") -> dict[str, Any]:
    """Returns the document.

    Args:
        base_path: what the paths begin with.
    """
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "events",
            "version": "1",
            "description": "Webhooks, and the bus that carries events between the backends of an installation.",
            "license": {"name": "Apache-2.0", "url": "http://www.apache.org/licenses/LICENSE-2.0.html"},
            "contact": {},
        },
        "servers": [{"url": "/"}],
        "paths": {f"{base_path}{path}": operations for path, operations in _paths().items()},
        "components": {
            "schemas": _schemas(),
            "responses": {"ErrorResponse": _answer("What went wrong.", _ref("Error"))},
            "securitySchemes": {"JWT": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _paths() -> dict[str, Any]:
    subscription = _parameter("subscriptionId", "The subscription: the replicas of one subscriber share its ID.")
    return {
        "/bus/v1/events": {
            "post": _operation(
                "PostEvent",
                "Publishes an event.",
                {"201": {"description": "Stored."}, "204": {"description": "Nobody needs it, so it was not stored."}},
                body="PublishRequest",
            )
        },
        "/bus/v1/subscriptions/{subscriptionId}": {
            "put": _operation(
                "PutSubscription",
                "Creates a subscription, or changes its topics.",
                {"201": {"description": "It exists, with these topics."}},
                parameters=[subscription],
                body="Subscription",
            )
        },
        "/bus/v1/subscriptions/{subscriptionId}/events": {
            "get": _operation(
                "GetSubscriptionEvents",
                "Hands out up to ten events of a subscription; each is handed out once.",
                {"200": _answer("The events.", _ref("Events")), "202": _waiting()},
                parameters=[subscription],
            )
        },
        "/http/{topic}": {
            "post": {
                **_operation(
                    "PostHttpEvent",
                    "A webhook: publishes the body under the topic, with the headers as metadata.",
                    {
                        "202": _answer("Published.", _object({"status": _TEXT}, "status")),
                        "403": _answer("Refused by the topic's validator, which chooses status and body.", {}),
                        "404": {"description": "The topic has no webhook."},
                    },
                    parameters=[_parameter("topic", "A topic that has a webhook.")],
                ),
                "requestBody": {"required": True, "content": {_JSON: {"schema": {}}}},
                "security": [],
            }
        },
    }


def _schemas() -> dict[str, Any]:
    event = _object({"topic": _TEXT, "payload": {"description": "Any JSON value."}}, "topic", "payload")
    publish = {"event": event, "notifiedSubscribers": _list(_TEXT, "Subscriptions that have it already.")}
    error = {
        "error": _object({"name": _TEXT, "message": _TEXT}, "name", "message"),
        "request": _object({"method": _TEXT, "url": _TEXT}, "method", "url"),
        "response": _object({"statusCode": {"type": "number"}}, "statusCode"),
    }
    return {
        "PublishRequest": _object(publish, "event"),
        "Subscription": _object({"topics": _list(_TEXT, "What it wants.")}, "topics"),
        "Events": _object({"events": _list(event, "The oldest first.")}, "events"),
        "Error": _object(error, "error"),
    }


def _operation(
    name: str,
    description: str,
    answers: dict[str, Any],
    *,
    parameters: list[dict[str, Any]] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "description": description,
        "parameters": parameters or [],
        "responses": {**answers, "default": {"$ref": "#/components/responses/ErrorResponse"}},
        "security": [{"JWT": []}],
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": _ref(body)}}}
    return operation


def _waiting() -> dict[str, Any]:
    name = "backstage-events-notify-timeout"
    description = "How long the answer lasts at most, in milliseconds."
    return {
        "description": "There are none yet. The empty body ends when there may be some.",
        "headers": {name: {"description": description, "schema": _TEXT}},
    }


def _parameter(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": _TEXT}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
