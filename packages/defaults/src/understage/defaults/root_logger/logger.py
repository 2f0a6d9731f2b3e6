"""The logger that services and plugins hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from understage.defaults.root_logger.levels import DEBUG, ERROR, INFO, SEVERITIES, WARNING, LevelName
from understage.defaults.root_logger.output import LogOutput


class DefaultLogger:
    """Writes entries with fields of its own. An entry below the level costs a comparison.

    Args:
        output: where entries go.
        context: fields of every entry.
    """

    __slots__ = ("_context", "_output")

    def __init__(self, output: LogOutput, context: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._output = output
        self._context = context

    def error(self, message: str, /, **metadata: object) -> None:
        """Something failed and somebody should look."""
        if self._output.threshold <= ERROR:
            self._output.emit(ERROR, message, self._context, metadata)

    def warning(self, message: str, /, **metadata: object) -> None:
        """Something is odd, but work goes on."""
        if self._output.threshold <= WARNING:
            self._output.emit(WARNING, message, self._context, metadata)

    def info(self, message: str, /, **metadata: object) -> None:
        """What an operator wants to see of normal work."""
        if self._output.threshold <= INFO:
            self._output.emit(INFO, message, self._context, metadata)

    def debug(self, message: str, /, **metadata: object) -> None:
        """What helps to find a fault; off by default."""
        if self._output.threshold <= DEBUG:
            self._output.emit(DEBUG, message, self._context, metadata)

    def writes(self, level: LevelName) -> bool:
        """Tells whether entries of a level are written at all, for those to whom making one costs something."""
        return self._output.threshold <= SEVERITIES[level]

    def child(self, **metadata: object) -> DefaultLogger:
        """Returns a logger that adds these values to every entry."""
        return DefaultLogger(self._output, {**self._context, **metadata})


class DefaultRootLogger(DefaultLogger):
    """The logger that all others descend from."""

    __slots__ = ()

    def add_redactions(self, values: Iterable[str]) -> None:
        """Masks these texts in everything that is logged from now on, by this logger and all of its children."""
        self._output.add_redactions(values)
