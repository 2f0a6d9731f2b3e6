"""Request bodies: JSON objects, checked as the catalog's clients expect."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from understage.catalog.http.schemas import Schema
from understage.catalog.query.json_texts import JsonTextError, read_json
from understage.errors import InputError
from understage.plugin_api import Receive, Scope

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator

MAX_BODY_BYTES = 100 * 1024


class Body:
    """The body that an operation takes: how it is read and checked.

    Args:
        schema: what it must follow.
        is_required: whether there must be one.
        is_json_only: whether another media type than JSON is told as such; otherwise it counts as no body.
    """

    def __init__(self, schema: Schema, *, is_required: bool = True, is_json_only: bool = True) -> None:
        self.schema = schema
        self.is_required = is_required
        self._is_json_only = is_json_only

    async def read(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        """Reads the JSON body of a request.

        Args:
            scope: the request.
            receive: where the body comes from.

        Raises:
            InputError: it is too large, no JSON, or does not follow the schema.
        """
        data = await _read(receive)
        media_type = _media_type(scope)
        is_json = media_type == "application/json" or media_type.endswith("+json")
        if self._is_json_only and not is_json:
            raise InputError(f"unsupported media type {media_type or 'undefined'}")
        if not data or not is_json:
            return self._none()
        return self._checked(_decoded(data))

    def _checked(self, body: Any) -> dict[str, Any]:
        if not self._validator.is_valid(body):
            # What is missing is told before what is too much.
            found = sorted(self._validator.iter_errors(body), key=lambda one: one.kind.name == "additionalProperties")
            violation = found[0]
            path = "/".join(("request/body", *(str(part) for part in violation.instance_path)))
            raise InputError(f"{path} {_expectation(violation.kind.name, violation.kind.as_dict(), violation.message)}")
        checked: dict[str, Any] = body
        return checked

    def _none(self) -> dict[str, Any]:
        if not self.is_required:
            return {}
        if self._is_json_only:
            raise InputError("Unexpected end of JSON input")
        raise InputError(
            "Malformed request body (did you remember to specify an application/json content type?), "
            f'Validation error: Required at "{self.schema["required"][0]}"'
        )

    @cached_property
    def _validator(self) -> Draft7Validator:
        from jsonschema_rs import Draft7Validator

        return Draft7Validator(self.schema)


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


def _decoded(data: bytes) -> Any:
    try:
        return read_json(data, object)
    except JsonTextError as error:
        if "truncated" in str(error):
            raise InputError("Unexpected end of JSON input") from error
        raise InputError(f"The request body is not valid JSON: {error}") from error


def _media_type(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type: bytes = value.split(b";")[0].strip().lower()
            return media_type.decode("latin-1")
    return ""


def _expectation(name: str, detail: dict[str, Any], message: str) -> str:
    match name:
        case "required":
            return f"must have required property '{detail['property']}'"
        case "type":
            return f"must be {','.join(detail['types'])}"
        case "additionalProperties":
            unexpected = ", ".join(f"'{member}'" for member in detail["unexpected"])
            return f"must NOT have additional properties: {unexpected}"
        case "enum":
            return f"must be equal to one of the allowed values: {', '.join(map(str, detail['options']))}"
        case "minimum":
            return f"must be >= {detail['limit']}"
        case "maximum":
            return f"must be <= {detail['limit']}"
        case _:
            return message
