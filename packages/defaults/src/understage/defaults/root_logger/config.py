"""The section `backend.logger` of the configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from understage.config import Config, ConfigError
from understage.defaults.root_logger.levels import SEVERITIES, LevelName, parse_level
from understage.defaults.root_logger.output import LogOutput
from understage.defaults.root_logger.overrides import LevelOverride, create_matcher

SECTION: Final = "backend.logger"


class OverrideConfig(msgspec.Struct, frozen=True):
    """Another level for some entries.

    Attributes:
        matchers: per field of an entry a text, `/a regular expression/`, another value, or a list of these; an entry
            is meant when all of its fields named here match.
        level: the level of these entries.
    """

    matchers: dict[str, Any]
    level: LevelName


class LoggerConfig(msgspec.Struct, frozen=True):
    """What is logged.

    Attributes:
        level: entries below it are dropped. The environment's `LOG_LEVEL` wins over it.
        meta: fields of every entry.
        overrides: other levels for some entries; the first that matches counts.
    """

    level: LevelName = "info"
    meta: dict[str, Any] = {}
    overrides: list[OverrideConfig] = []


def configure_output(output: LogOutput, config: Config, environment: Mapping[str, str] = os.environ) -> None:
    """Applies the configuration to an output.

    Args:
        output: what is configured.
        config: the whole configuration.
        environment: where `LOG_LEVEL` may stand.

    Raises:
        ConfigError: the section is not valid; the output is left as it was.
        InputError: `LOG_LEVEL` names no level.
    """
    settings = config.read(LoggerConfig, SECTION)
    overrides = tuple(_create_override(config, index, item) for index, item in enumerate(settings.overrides))
    level = environment.get("LOG_LEVEL")
    severity = parse_level(level, source="LOG_LEVEL") if level else SEVERITIES[settings.level]
    output.configure(severity, meta={"service": "backstage", **settings.meta}, overrides=overrides)


def _create_override(config: Config, index: int, settings: OverrideConfig) -> LevelOverride:
    matchers = {}
    for field, expected in settings.matchers.items():
        try:
            matchers[field] = create_matcher(expected)
        except re.error as error:
            raise ConfigError(
                f"not a regular expression: {error}; it stands between slashes, as in '/^Task .* failed$/'",
                key=f"{SECTION}.overrides[{index}].matchers.{field}",
                location=config.location_of([*SECTION.split("."), "overrides", index, "matchers", field]),
            ) from error
    return LevelOverride(matchers, SEVERITIES[settings.level])
