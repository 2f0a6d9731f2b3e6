"""Errors as JSON: how they are written to the wire and read back."""

import traceback
from collections.abc import Mapping
from typing import Any

from understage.errors.classes import (
    AuthenticationError,
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    NotModifiedError,
    ServiceUnavailableError,
    UnderstageError,
    UnsupportedOperationError,
)

SerializedError = dict[str, Any]

UNKNOWN_NAME = "Unknown"
UNKNOWN_MESSAGE = "<unknown reason>"

_CLASSES: dict[str, type[UnderstageError]] = {
    cls.name: cls
    for cls in (
        AuthenticationError,
        ConflictError,
        InputError,
        NotAllowedError,
        NotFoundError,
        NotModifiedError,
        ServiceUnavailableError,
        UnsupportedOperationError,
    )
}


def error_name(error: BaseException) -> str:
    """Returns the name of an error on the wire: its `name` if it has one, else the name of its class.

    Plain `Exception`, which stands for a JavaScript `Error`, is named `Error`.
    """
    name = getattr(error, "name", None)
    if isinstance(name, str) and name and isinstance(error, UnderstageError):
        return name
    return "Error" if type(error) is Exception else type(error).__name__


def serialize_error(error: BaseException, *, include_stack: bool = False) -> SerializedError:
    """Returns the JSON form of an error: `name`, `message`, its public fields, its `cause`, and maybe its `stack`.

    Args:
        error: the error.
        include_stack: whether to add the traceback as `stack`; for development only.
    """
    serialized: SerializedError = {"name": error_name(error) or UNKNOWN_NAME, "message": str(error)}
    fields = getattr(error, "fields", None)
    if isinstance(fields, Mapping):
        serialized.update({str(key): value for key, value in fields.items() if key not in ("name", "message", "stack")})
    cause = _cause_of(error)
    if cause is not None:
        serialized["cause"] = serialize_error(cause, include_stack=include_stack)
    if include_stack:
        serialized["stack"] = "".join(traceback.format_exception(error))
    return serialized


def _cause_of(error: BaseException) -> BaseException | None:
    """Returns the cause that an error was given, unless it leads back to the error."""
    cause = error.cause if isinstance(error, UnderstageError) else None
    seen, current = {id(error)}, cause
    while isinstance(current, UnderstageError):
        if id(current) in seen:
            return None
        seen.add(id(current))
        current = current.cause
    return cause


def deserialize_error(data: Any) -> UnderstageError:
    """Returns the error that a JSON form describes, of the class that its name belongs to.

    Args:
        data: what `serialize_error` returned, maybe on another machine. Missing parts get placeholders.
    """
    body: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    name = body.get("name")
    name = name if isinstance(name, str) and name else UNKNOWN_NAME
    message = body.get("message")
    message = message if isinstance(message, str) else UNKNOWN_MESSAGE
    cls = _CLASSES.get(name)
    if cls is not None:
        error = cls(message)
    else:
        error = UnderstageError(message)
        error.name = name
    cause = body.get("cause")
    own = {"name", "message", "stack"}
    if isinstance(cause, Mapping):
        error.cause = error.__cause__ = deserialize_error(cause)
        own.add("cause")
    fields = {key: value for key, value in body.items() if key not in own}
    if fields:
        error.fields = fields
    return error


def to_error(value: object) -> BaseException:
    """Turns anything into an error: errors stay as they are, other values are described.

    Args:
        value: whatever was raised, rejected or received.
    """
    if isinstance(value, BaseException):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("message"), str):
        return deserialize_error({"name": "Error", **value})
    return UnderstageError(f"unknown error '{value}'")
