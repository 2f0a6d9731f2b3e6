"""Configuration of Understage: sources, merging, substitution, reading, schemas."""

from understage.config.arguments import parse_config_args
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
from understage.config.loader import LoadedConfig, LoadedSource, LoadOptions, load_config
from understage.config.location import SourceLocation
from understage.config.problem import Problem
from understage.config.reader import Config, config_from_data
from understage.config.remote import RemoteConfig
from understage.config.schema.config_schema import ConfigSchema
from understage.config.schema.markers import DeepFrontend, DeepSecret, Frontend, Secret
from understage.config.schema.model import config_schema
from understage.config.schema.visibility import Visibility
from understage.config.state import Subscription
from understage.config.watching import ConfigWatcher

__all__ = [
    "Config",
    "ConfigError",
    "ConfigFileNotFoundError",
    "ConfigSchema",
    "ConfigSchemaError",
    "ConfigSourceError",
    "ConfigTypeError",
    "ConfigValidationError",
    "ConfigWatcher",
    "DeepFrontend",
    "DeepSecret",
    "Frontend",
    "HumanDuration",
    "InvalidConfigKeyError",
    "LoadOptions",
    "LoadedConfig",
    "LoadedSource",
    "MissingConfigError",
    "Problem",
    "RemoteConfig",
    "Secret",
    "SourceLocation",
    "Subscription",
    "Visibility",
    "config_from_data",
    "config_schema",
    "load_config",
    "parse_config_args",
    "parse_duration",
]
