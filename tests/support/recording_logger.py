"""A logger for tests that keeps what it is told."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class RecordingLogger:
    """Keeps log entries; serves as a plugin's logger and as the root's.

    Attributes:
        entries: level, message and metadata of each, also of the children.
        metadata: what each entry gets.
    """

    entries: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def error(self, message: str, /, **metadata: Any) -> None:
        self._keep("error", message, metadata)

    def warning(self, message: str, /, **metadata: Any) -> None:
        self._keep("warning", message, metadata)

    def info(self, message: str, /, **metadata: Any) -> None:
        self._keep("info", message, metadata)

    def debug(self, message: str, /, **metadata: Any) -> None:
        self._keep("debug", message, metadata)

    def child(self, **metadata: Any) -> "RecordingLogger":
        return RecordingLogger(self.entries, {**self.metadata, **metadata})

    def add_redactions(self, values: object) -> None:
        """Redacts nothing."""

    def of(self, level: str) -> list[tuple[str, dict[str, Any]]]:
        """Returns messages and metadata of a level."""
        return [(message, metadata) for found, message, metadata in self.entries if found == level]

    def messages(self, level: str) -> list[str]:
        return [message for message, _ in self.of(level)]

    def _keep(self, level: str, message: str, metadata: dict[str, Any]) -> None:
        self.entries.append((level, message, {**self.metadata, **metadata}))
