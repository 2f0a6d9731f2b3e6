"""A logger for backends that have no root logger: the standard library's."""

import logging
from collections.abc import Mapping


class StandardLogger:
    """Writes through `logging`.

    Args:
        name: the name of the logger.
        metadata: values that every entry carries.
    """

    def __init__(self, name: str = "understage", metadata: Mapping[str, object] | None = None) -> None:
        self._name = name
        self._logger = logging.getLogger(name)
        self._metadata = dict(metadata or {})

    def error(self, message: str, /, **metadata: object) -> None:
        """Writes an entry at error level."""
        self._write(logging.ERROR, message, metadata)

    def warning(self, message: str, /, **metadata: object) -> None:
        """Writes an entry at warning level."""
        self._write(logging.WARNING, message, metadata)

    def info(self, message: str, /, **metadata: object) -> None:
        """Writes an entry at info level."""
        self._write(logging.INFO, message, metadata)

    def debug(self, message: str, /, **metadata: object) -> None:
        """Writes an entry at debug level."""
        self._write(logging.DEBUG, message, metadata)

    def child(self, **metadata: object) -> "StandardLogger":
        """Returns a logger that adds these values to every entry."""
        return StandardLogger(self._name, {**self._metadata, **metadata})

    def _write(self, level: int, message: str, metadata: dict[str, object]) -> None:
        error = metadata.pop("error", None)
        shown = {key: value for key, value in {**self._metadata, **metadata}.items() if key != "type"}
        suffix = "".join(f" {key}={value!r}" for key, value in shown.items())
        trace = error if isinstance(error, BaseException) else None
        self._logger.log(level, "%s%s", message, suffix, exc_info=trace)
