"""Errors of the database service that no request can help."""

from understage.errors import ServiceUnavailableError, UnderstageError


class TransactionError(UnderstageError):
    """A transaction was used wrongly, or the database took it back: 500."""

    name = "TransactionError"


class DatabaseLockedError(ServiceUnavailableError):
    """Another process has locked the database for too long: 503."""
