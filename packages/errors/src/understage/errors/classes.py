"""The error classes that plugins raise; their names decide the HTTP status on the wire."""

from collections.abc import Mapping
from types import MappingProxyType


class UnderstageError(Exception):
    """An error with a wire name, a message and, maybe, a cause.

    Args:
        message: what went wrong, for a person; may be empty.
        cause: the error behind this one. Its name and message are appended to the text, so that they survive
            any number of wrappings, and it becomes `__cause__`, too.

    Attributes:
        cause: the error behind this one, if it was given; it is part of the JSON form. What is only chained with
            `raise ... from` is not: its text was not written for clients.
        name: the name on the wire (`error.name` of an error document), by which status codes are chosen.
        fields: further members of the error's JSON form, such as `code`.
    """

    name: str = "Error"
    fields: Mapping[str, object] = MappingProxyType({})

    def __init__(self, message: str = "", cause: BaseException | None = None) -> None:
        """Joins the message with the cause's text, as Backstage's own errors do."""
        self.cause: BaseException | None = cause
        if cause is not None:
            text = describe_error(cause)
            message = f"{message}; caused by {text}" if message else text
            self.__cause__: BaseException | None = cause
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class InputError(UnderstageError):
    """The request or its data is malformed: 400."""

    name = "InputError"


class AuthenticationError(UnderstageError):
    """Credentials are missing or invalid: 401."""

    name = "AuthenticationError"


class NotAllowedError(UnderstageError):
    """The caller is known but may not do this: 403."""

    name = "NotAllowedError"


class NotFoundError(UnderstageError):
    """The thing asked for does not exist: 404."""

    name = "NotFoundError"


class ConflictError(UnderstageError):
    """The request conflicts with the present state: 409."""

    name = "ConflictError"


class NotModifiedError(UnderstageError):
    """The thing has not changed since it was last read: 304."""

    name = "NotModifiedError"


class UnsupportedOperationError(UnderstageError):
    """The server does not offer this operation: 501. On the wire its name is `NotImplementedError`."""

    name = "NotImplementedError"


class ServiceUnavailableError(UnderstageError):
    """The server cannot answer for now: 503.

    Args:
        message: what is unavailable.
        cause: the error behind it.
        retry_after: seconds after which a new try makes sense; sent as a `Retry-After` header.
    """

    name = "ServiceUnavailableError"

    def __init__(self, message: str = "", cause: BaseException | None = None, retry_after: float | None = None) -> None:
        """Remembers after how many seconds to try again."""
        super().__init__(message, cause)
        self.retry_after = retry_after


class ForwardedError(UnderstageError):
    """Adds context to another error and keeps that error's name, hence its status.

    Args:
        message: the context to put before the cause's text.
        cause: the error that is forwarded.
    """

    def __init__(self, message: str, cause: BaseException) -> None:
        """Takes over the cause's name and explicit status, if it has one."""
        super().__init__(message, cause)
        self.name: str = getattr(cause, "name", type(cause).__name__)
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            self.status_code: int = status


def describe_error(error: BaseException) -> str:
    """Returns `Name: message` of an error, or just the name if it has no message."""
    name = getattr(error, "name", None)
    title = name if isinstance(name, str) and isinstance(error, UnderstageError) else type(error).__name__
    text = str(error)
    return f"{title}: {text}" if text else title
