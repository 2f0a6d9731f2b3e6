"""The error document: the JSON body of every error answer."""

from typing import Any, TypedDict

from understage.errors.serialization import SerializedError, serialize_error
from understage.errors.status import error_status


class ErrorDocument(TypedDict):
    """`{"error": {...}, "request": {"method", "url"}, "response": {"statusCode"}}`."""

    error: SerializedError
    request: dict[str, Any]
    response: dict[str, int]


def error_document(error: BaseException, *, method: str, url: str, include_stack: bool = False) -> ErrorDocument:
    """Returns the body that answers a failed request.

    Args:
        error: what was raised.
        method: the request's method.
        url: path and query as the handler saw them: below `/api/<pluginId>` when a plugin answers.
        include_stack: whether to add the traceback; for development only.
    """
    return {
        "error": serialize_error(error, include_stack=include_stack),
        "request": {"method": method, "url": url},
        "response": {"statusCode": error_status(error)},
    }
