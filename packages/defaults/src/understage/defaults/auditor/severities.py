"""At which level of the log events of a severity are written."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from understage.config import Config
from understage.plugin_api import AuditSeverity

LogLevel: TypeAlias = Literal["debug", "info", "warn", "error"]

SECTION = "backend.auditor.severityLogLevelMappings"


class SeverityLevels(msgspec.Struct, frozen=True):
    """The log level of each severity.

    Attributes:
        low: of reads and the like.
        medium: of what changes something.
        high: of what changes much.
        critical: of what touches the safety of the whole.
    """

    low: LogLevel = "debug"
    medium: LogLevel = "info"
    high: LogLevel = "info"
    critical: LogLevel = "info"

    def level(self, severity: AuditSeverity) -> LogLevel:
        """Returns the level of a severity."""
        match severity:
            case "low":
                return self.low
            case "medium":
                return self.medium
            case "high":
                return self.high
            case "critical":
                return self.critical


def read_severity_levels(config: Config) -> SeverityLevels:
    """Reads the levels off the configuration.

    Args:
        config: the whole configuration.

    Raises:
        ConfigError: a severity has no log level that there is.
    """
    return config.read(SeverityLevels, SECTION)
