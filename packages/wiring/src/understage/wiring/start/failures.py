"""Failures of plugins and modules, as log entries."""

from understage.errors.classes import describe_error
from understage.plugin_api import LoggerService
from understage.wiring.declare.records import owner_name
from understage.wiring.report.explaining import log_traceback
from understage.wiring.start.results import StartFailure


class FailureLog:
    """Writes one entry at error level for each failure, permitted or not, and its traceback at debug level.

    Args:
        logger: where to write.
    """

    def __init__(self, logger: LoggerService) -> None:
        self._logger = logger

    def write(self, plugin_id: str, module_id: str | None, failure: StartFailure) -> None:
        """Writes the entry of a failure."""
        owner = owner_name(plugin_id, module_id)
        consequence = "; the configuration permits it, so the start goes on without it" if failure.allowed else ""
        names = {"plugin": plugin_id} if module_id is None else {"plugin": plugin_id, "module": module_id}
        message = f"{owner} failed to start{consequence}: {describe_error(failure.error)}"
        self._logger.error(message, **names)
        log_traceback(self._logger, failure.error, **names)
