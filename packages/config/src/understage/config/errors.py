"""What can go wrong with configuration."""

from collections.abc import Sequence

from understage.config.location import SourceLocation
from understage.config.problem import Problem
from understage.errors import InputError, NotFoundError


class ConfigError(InputError):
    """The configuration is wrong. The text starts with file, line, column and key, as far as they are known.

    On the wire its name is `ConfigError`, which is a status of 500: a request cannot help it.

    Args:
        message: what is wrong, what was expected and what to do.
        key: the full key of the value.
        location: where the value, or the nearest section around it, was written.
        cause: the error behind this one.

    Attributes:
        detail: the message without location and key.
    """

    name = "ConfigError"

    def __init__(
        self,
        message: str,
        *,
        key: str | None = None,
        location: SourceLocation | None = None,
        cause: BaseException | None = None,
    ) -> None:
        """Puts location and key before the message."""
        parts = [str(location)] if location is not None else []
        if key:
            parts.append(key)
        super().__init__(": ".join([*parts, message]), cause)
        self.detail = message
        self.key = key
        self.location = location


class MissingConfigError(ConfigError):
    """A required value is absent or null."""


class ConfigTypeError(ConfigError, TypeError):
    """A value has another type than the one that was asked for."""


class InvalidConfigKeyError(ConfigError, TypeError):
    """A key that code or an environment variable uses cannot be a configuration key."""


class ConfigSourceError(ConfigError):
    """A source could not be read, parsed or transformed."""


class ConfigFileNotFoundError(ConfigSourceError, NotFoundError):
    """A configuration file does not exist."""

    name = "NotFoundError"


class ConfigSchemaError(ConfigError):
    """A schema is invalid, cannot be loaded, or contradicts another one."""


class ConfigValidationError(ConfigError):
    """The configuration does not fit its schemas.

    Args:
        problems: everything that was found, in the order of the configuration.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Lists every problem, one on each line."""
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        super().__init__("\n  ".join([f"the configuration is not valid, {count}:", *map(str, problems)]))
