"""Error classes of Understage, their wire form and their HTTP status."""

from understage.errors.classes import (
    AuthenticationError,
    ConflictError,
    ForwardedError,
    InputError,
    NotAllowedError,
    NotFoundError,
    NotModifiedError,
    ServiceUnavailableError,
    UnderstageError,
    UnsupportedOperationError,
)
from understage.errors.document import ErrorDocument, error_document
from understage.errors.remote import ResponseError
from understage.errors.serialization import SerializedError, deserialize_error, error_name, serialize_error, to_error
from understage.errors.status import error_status, retry_after_seconds

__all__ = [
    "AuthenticationError",
    "ConflictError",
    "ErrorDocument",
    "ForwardedError",
    "InputError",
    "NotAllowedError",
    "NotFoundError",
    "NotModifiedError",
    "ResponseError",
    "SerializedError",
    "ServiceUnavailableError",
    "UnderstageError",
    "UnsupportedOperationError",
    "deserialize_error",
    "error_document",
    "error_name",
    "error_status",
    "retry_after_seconds",
    "serialize_error",
    "to_error",
]
