"""How errors of the start reach people: what is wrong first, tracebacks for those who ask for them."""

import os

from understage.config import ConfigError
from understage.errors.classes import describe_error
from understage.plugin_api import LoggerService
from understage.wiring.errors import FeatureLoaderError, ServiceCreationError

DEBUG_VARIABLE = "UNDERSTAGE_DEBUG"


def explain(error: BaseException) -> str:
    """Returns what a person should read about an error that aborted the start.

    A mistake in the configuration is told by its own text, however many services and loaders it came through: it is
    the file that must be changed, not what read it.

    Args:
        error: what aborted the start.
    """
    innermost: BaseException | None = error
    while isinstance(innermost, FeatureLoaderError | ServiceCreationError):
        innermost = innermost.__cause__
    return str(innermost) if isinstance(innermost, ConfigError) else describe_error(error)


def log_traceback(logger: LoggerService, error: BaseException, **metadata: object) -> None:
    """Writes where an error comes from, at debug level, or at error level if `UNDERSTAGE_DEBUG` is set.

    Args:
        logger: where to write.
        error: the error, with its traceback and causes.
        metadata: further values of the entry.
    """
    write = logger.error if os.environ.get(DEBUG_VARIABLE) else logger.debug
    write("Where it failed", error=error, **metadata)
