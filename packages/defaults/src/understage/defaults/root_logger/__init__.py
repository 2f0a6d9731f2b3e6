"""The root logger service: what is logged, how it looks, and what must not appear in it."""

from understage.defaults.root_logger.config import LoggerConfig, OverrideConfig
from understage.defaults.root_logger.factory import create_root_logger, root_logger_service_factory
from understage.defaults.root_logger.logger import DefaultLogger, DefaultRootLogger
from understage.defaults.root_logger.output import LogFormat, LogOutput

__all__ = [
    "DefaultLogger",
    "DefaultRootLogger",
    "LogFormat",
    "LogOutput",
    "LoggerConfig",
    "OverrideConfig",
    "create_root_logger",
    "root_logger_service_factory",
]
