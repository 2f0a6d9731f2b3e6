"""Where all loggers of a backend write to: levels, common fields, redactions and the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from understage.defaults.root_logger.levels import ERROR, INFO, level_name
from understage.defaults.root_logger.overrides import LevelOverride, admits
from understage.defaults.root_logger.redaction import Redactor
from understage.defaults.root_logger.render import JsonRenderer, Renderer, TextRenderer
from understage.defaults.root_logger.standard_output import StandardOutput
from understage.defaults.root_logger.values import describe_value, traceback_text

LogFormat = Literal["json", "text", "coloured"]
_COMMON: Final[Mapping[str, Any]] = {"level": "", "message": "", "timestamp": ""}


class LogOutput:
    """Decides whether an entry is written, completes it, renders it and writes it.

    Args:
        log_format: JSON lines, text, or text in colours.
        write: takes each finished line; standard output by default.

    Attributes:
        threshold: entries less severe than this are dropped before anything else is done.
    """

    def __init__(self, log_format: LogFormat = "json", *, write: Callable[[bytes], None] | None = None) -> None:
        self._redactor = Redactor()
        self._render: Renderer = (
            JsonRenderer(self._redactor)
            if log_format == "json"
            else TextRenderer(self._redactor, colours=log_format == "coloured")
        )
        self._stdout = StandardOutput()
        self._write = write or self._stdout.write
        self._severity = INFO
        self._meta: Mapping[str, Any] = {}
        self._overrides: Sequence[LevelOverride] = ()
        self.threshold: int = INFO

    def configure(
        self, severity: int, *, meta: Mapping[str, Any] | None = None, overrides: Sequence[LevelOverride] = ()
    ) -> None:
        """Sets what is written from now on.

        Args:
            severity: how severe an entry must be.
            meta: fields of every entry.
            overrides: other levels for some entries.
        """
        self._severity = severity
        self._meta = meta or {}
        self._overrides = overrides
        self.threshold = min((severity, *(override.severity for override in overrides)))

    def add_redactions(self, values: Iterable[str]) -> None:
        """Masks these texts from now on."""
        self._redactor.add(values)

    def emit(self, severity: int, message: str, context: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Writes an entry if its level is wanted; never raises.

        Args:
            severity: the entry's.
            message: its text.
            context: the logger's fields.
            metadata: the entry's own fields, which win.
        """
        if "message" in metadata or "level" in metadata or "timestamp" in metadata:
            metadata = {f"{key}_" if key in _COMMON else key: value for key, value in metadata.items()}
        entry = {**_COMMON, **self._meta, **context, **metadata}
        entry["level"] = level_name(severity)
        entry["message"] = message
        if self._overrides and not admits(self._overrides, severity, entry, self._severity):
            return
        entry["timestamp"] = datetime.now(UTC)
        if "error" in entry and isinstance(error := entry["error"], BaseException):
            entry["error"] = describe_value(error)
            entry.setdefault("stack", traceback_text(error))
        self._write(self._render(entry) + b"\n")
        if severity >= ERROR:
            # It may be the last thing that this process says.
            self._stdout.flush()
