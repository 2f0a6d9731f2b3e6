"""A root logger for tests."""

from __future__ import annotations

from understage.defaults.root_logger import DefaultRootLogger, LogOutput
from understage.defaults.root_logger.levels import SEVERITIES, LevelName


def create_mock_root_logger(level: LevelName = "none") -> DefaultRootLogger:
    """Returns a logger that writes nothing, or readable text to standard output.

    Args:
        level: `none`, or the level from which entries are shown.
    """
    output = LogOutput("text")
    output.configure(SEVERITIES[level], meta={"service": "backstage"})
    return DefaultRootLogger(output)
