"""The HTTP status of an error."""

from collections.abc import Mapping
from types import MappingProxyType

from understage.errors.serialization import error_name

STATUS_BY_NAME: Mapping[str, int] = MappingProxyType(
    {
        "NotModifiedError": 304,
        "InputError": 400,
        "AuthenticationError": 401,
        "NotAllowedError": 403,
        "NotFoundError": 404,
        "ConflictError": 409,
        "NotImplementedError": 501,
        "ServiceUnavailableError": 503,
    }
)


def error_status(error: BaseException) -> int:
    """Returns the HTTP status that an error is answered with.

    An integer `status_code` or `status` from 100 to 599 on the error wins; then its *name* decides, not its class, so
    that errors that came over the wire map as well; anything else is 500.

    Args:
        error: any raised value.
    """
    for attribute in ("status_code", "status"):
        status = getattr(error, attribute, None)
        if isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599:
            return status
    return STATUS_BY_NAME.get(error_name(error), 500)


def retry_after_seconds(error: BaseException) -> int | None:
    """Returns the whole seconds of a `Retry-After` header that the error asks for, if it does."""
    seconds = getattr(error, "retry_after", None)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return max(0, -int(-seconds // 1))
