"""Request bodies: JSON objects, checked as the catalog's clients expect."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from understage.errors import InputError
from understage.plugin_api import Receive, Scope

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator

MAX_BODY_BYTES = 100 * 1024

Schema = dict[str, Any]

TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
OBJECT: Schema = {"type": "object"}
BY_REFS: Schema = {
    "type": "object",
    "required": ["entityRefs"],
    "properties": {"entityRefs": TEXTS, "fields": TEXTS, "query": OBJECT},
}
BY_QUERY: Schema = {
    "type": "object",
    "properties": {
        "cursor": {"type": "string"},
        "limit": {"type": "number"},
        "offset": {"type": "number"},
        "orderBy": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "order"],
                "properties": {"field": {"type": "string"}, "order": {"type": "string", "enum": ["asc", "desc"]}},
            },
        },
        "fullTextFilter": {"type": "object", "properties": {"term": {"type": "string"}, "fields": TEXTS}},
        "fields": TEXTS,
        "totalItems": {"type": "string", "enum": ["include", "exclude"]},
        "query": OBJECT,
    },
}
FACETS: Schema = {"type": "object", "properties": {"facets": TEXTS, "query": OBJECT}, "required": ["facets"]}

TEXT: Schema = {"type": "string"}
REFRESH: Schema = {
    "type": "object",
    "required": ["entityRef"],
    "properties": {"entityRef": TEXT, "authorizationToken": TEXT},
    "additionalProperties": False,
}
VALIDATE_ENTITY: Schema = {
    "type": "object",
    "required": ["entity", "location"],
    "properties": {"entity": OBJECT, "location": TEXT},
}
LOCATION: Schema = {"type": "object", "required": ["type", "target"], "properties": {"type": TEXT, "target": TEXT}}
ANALYZE_LOCATION: Schema = {
    "type": "object",
    "required": ["location"],
    "properties": {"location": LOCATION, "catalogFileName": TEXT, "catalogFilename": TEXT},
}
LOCATIONS_BY_QUERY: Schema = {
    "type": "object",
    "properties": {"cursor": TEXT, "limit": {"type": "number"}, "query": OBJECT},
}

_SCHEMAS = {
    "by-refs": BY_REFS,
    "by-query": BY_QUERY,
    "facets": FACETS,
    "refresh": REFRESH,
    "validate-entity": VALIDATE_ENTITY,
    "location": LOCATION,
    "analyze-location": ANALYZE_LOCATION,
    "locations-by-query": LOCATIONS_BY_QUERY,
}
_JSON_ONLY = frozenset(("refresh", "validate-entity", "location", "analyze-location"))
_FIRST_REQUIRED = {"by-refs": "entityRefs", "facets": "facets"}


async def read_body(scope: Scope, receive: Receive, schema: str) -> dict[str, Any]:
    """Reads the JSON body of a request.

    Args:
        scope: the request.
        receive: where the body comes from.
        schema: the name of the schema that it must follow.

    Raises:
        InputError: it is too large, no JSON, or does not follow the schema.
    """
    data = await _read(receive)
    media_type = _media_type(scope)
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if schema in _JSON_ONLY and not is_json:
        raise InputError(f"unsupported media type {media_type or 'undefined'}")
    if not data or not is_json:
        return _no_body(schema)
    try:
        body = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            raise InputError("Unexpected end of JSON input") from error
        raise InputError(f"The request body is not valid JSON: {error}") from error
    validator = _validator(schema)
    if not validator.is_valid(body):
        # What is missing is told before what is too much.
        for violation in sorted(validator.iter_errors(body), key=lambda one: one.kind.name == "additionalProperties"):
            path = "/".join(("request/body", *(str(part) for part in violation.instance_path)))
            raise InputError(f"{path} {_expectation(violation.kind.name, violation.kind.as_dict(), violation.message)}")
    checked: dict[str, Any] = body
    return checked


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InputError("request aborted")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise InputError("request entity too large")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _media_type(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type: bytes = value.split(b";")[0].strip().lower()
            return media_type.decode("latin-1")
    return ""


def _no_body(schema: str) -> dict[str, Any]:
    missing = _FIRST_REQUIRED.get(schema)
    if missing is None and schema not in _JSON_ONLY:
        return {}
    if missing is None:
        raise InputError("Unexpected end of JSON input")
    raise InputError(
        "Malformed request body (did you remember to specify an application/json content type?), "
        f'Validation error: Required at "{missing}"'
    )


@cache
def _validator(schema: str) -> Draft7Validator:
    from jsonschema_rs import Draft7Validator

    return Draft7Validator(_SCHEMAS[schema])


def _expectation(name: str, detail: dict[str, Any], message: str) -> str:
    match name:
        case "required":
            return f"must have required property '{detail['property']}'"
        case "type":
            return f"must be {','.join(detail['types'])}"
        case "additionalProperties":
            return "must NOT have additional properties"
        case "enum":
            return f"must be equal to one of the allowed values: {', '.join(map(str, detail['options']))}"
        case _:
            return message
