"""Provides the root logger."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from understage.config import Config, ConfigSchema
from understage.defaults.environment import is_development
from understage.defaults.root_config import schema_of
from understage.defaults.root_logger.config import configure_output
from understage.defaults.root_logger.logger import DefaultRootLogger
from understage.defaults.root_logger.output import LogFormat, LogOutput
from understage.defaults.root_logger.stdlib_bridge import route_stdlib_logging
from understage.errors import UnderstageError
from understage.plugin_api import RootConfig, RootLoggerService, core_services, create_service_factory


@create_service_factory(service=core_services.root_logger)
async def root_logger_service_factory(config: RootConfig) -> RootLoggerService:
    """Logs to standard output as `backend.logger` says: JSON lines in production, text for people."""
    output = LogOutput(choose_format(os.environ, is_terminal=sys.stdout.isatty()))
    logger = create_root_logger(config, output, await schema_of(config))
    route_stdlib_logging(output)
    return logger


def create_root_logger(config: Config, output: LogOutput, schema: ConfigSchema | None = None) -> DefaultRootLogger:
    """Returns a root logger that follows the configuration, also when that changes.

    Args:
        config: the whole configuration.
        output: where entries go.
        schema: says which values of the configuration are secret and so must not be logged.

    Raises:
        UnderstageError: `backend.logger` or `LOG_LEVEL` is not valid.
    """
    logger = DefaultRootLogger(output)

    def add_secrets() -> None:
        if schema is not None:
            logger.add_redactions(schema.secrets(config))

    def update() -> None:
        # Secrets come first, in case that a message quotes one.
        add_secrets()
        try:
            configure_output(output, config)
        except UnderstageError as error:
            message = "The logger keeps its previous configuration; the new one cannot be used"
            logger.error(message, error=error)

    add_secrets()
    configure_output(output, config)
    config.subscribe(update)
    return logger


def choose_format(environment: Mapping[str, str], *, is_terminal: bool) -> LogFormat:
    """Returns how entries are written.

    Args:
        environment: `UNDERSTAGE_ENV` or `NODE_ENV` may name `production` (JSON) or `development` (text); `NO_COLOR` and
            `FORCE_COLOR` decide on colours.
        is_terminal: whether a person reads along; if no environment is named, that decides.
    """
    is_production = (environment.get("UNDERSTAGE_ENV") or environment.get("NODE_ENV")) == "production"
    if is_production or not (is_terminal or is_development(environment)):
        return "json"
    coloured = bool(environment.get("FORCE_COLOR")) or (is_terminal and not environment.get("NO_COLOR"))
    return "coloured" if coloured else "text"
