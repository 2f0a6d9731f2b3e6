"""Configuration of Understage: sources, merging, substitution, reading, schemas."""

from understage.config.durations import HumanDuration, parse_duration
from understage.config.errors import (
    ConfigError,
    ConfigFileNotFoundError,
    ConfigSchemaError,
    ConfigSourceError,
    ConfigTypeError,
    ConfigValidationError,
    InvalidConfigKeyError,
    MissingConfigError,
)
from understage.config.location import SourceLocation
from understage.config.problem import Problem
from understage.config.reader import Config, config_from_data
from understage.config.state import Subscription

__all__ = [
    "Config",
    "ConfigError",
    "ConfigFileNotFoundError",
    "ConfigSchemaError",
    "ConfigSourceError",
    "ConfigTypeError",
    "ConfigValidationError",
    "HumanDuration",
    "InvalidConfigKeyError",
    "MissingConfigError",
    "Problem",
    "SourceLocation",
    "Subscription",
    "config_from_data",
    "parse_duration",
]
