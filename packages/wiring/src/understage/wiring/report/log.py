"""The start-up report in the log."""

from understage.plugin_api import LoggerService
from understage.wiring.report.model import StartReport


def log_report(logger: LoggerService, report: StartReport) -> None:
    """Writes how long the start took: an entry for the whole, one for each plugin, one for each replaced default.

    Args:
        logger: where to write.
        report: the report of a start that is over.
    """
    if report.phases is None:
        return
    phases = report.phases
    outcome = "Started" if report.outcome == "success" else "The start failed"
    message = (
        f"{outcome} after {phases.total_ms:.0f} ms (prepare {phases.prepare_ms:.0f}, root services"
        f" {phases.root_services_ms:.0f}, plugins {phases.plugins_ms:.0f})"
    )
    log = logger.child(type="initialization")
    log.info(message)
    for line in report.lines():
        log.info(line)
    for service in report.overrides():
        message = f"Service '{service.id}' from {service.location} replaces the default from {service.overrides}"
        log.debug(message)
