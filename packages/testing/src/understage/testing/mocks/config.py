"""A configuration for tests, which can be changed as a reload would."""

from __future__ import annotations

from typing import Any

from understage.config import Config, SourceLocation
from understage.config.node import from_plain
from understage.config.state import ConfigState

SOURCE = "mock-config"


class MockRootConfig(Config):
    """A configuration made of plain data.

    Args:
        data: nested dicts, lists and scalars.
    """

    def __init__(self, data: Any = None) -> None:
        self._mock_state = ConfigState(_tree(data), (SOURCE,))
        super().__init__(self._mock_state)

    def update(self, data: Any) -> None:
        """Puts other values in place and tells subscribers, as a reload does.

        Args:
            data: all of the new configuration.
        """
        self._mock_state.replace(_tree(data), (SOURCE,))


def _tree(data: Any) -> Any:
    return from_plain({} if data is None else data, SourceLocation(SOURCE))
