"""A logger that keeps what it is told."""

from typing import Any

import pytest


class RecordingLogger:
    """Keeps errors; nothing else is expected of lifecycles."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, dict[str, Any]]] = []

    def error(self, message: str, /, **metadata: object) -> None:
        self.errors.append((message, metadata))


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()
