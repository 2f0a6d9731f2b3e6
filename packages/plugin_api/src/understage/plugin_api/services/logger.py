"""The logger services."""

from collections.abc import Iterable
from typing import Protocol


class LoggerService(Protocol):
    """Writes log entries: a message and named values.

    An exception passed as `error=` is written with its name, message and traceback.
    """

    def error(self, message: str, /, **metadata: object) -> None:
        """Something failed and somebody should look."""
        ...

    def warning(self, message: str, /, **metadata: object) -> None:
        """Something is odd, but work goes on."""
        ...

    def info(self, message: str, /, **metadata: object) -> None:
        """What an operator wants to see of normal work."""
        ...

    def debug(self, message: str, /, **metadata: object) -> None:
        """What helps to find a fault; off by default."""
        ...

    def child(self, **metadata: object) -> "LoggerService":
        """Returns a logger that adds these values to every entry."""
        ...


class RootLoggerService(LoggerService, Protocol):
    """The logger that all others descend from."""

    def add_redactions(self, values: Iterable[str]) -> None:
        """Masks these texts in everything that is logged from now on."""
        ...
