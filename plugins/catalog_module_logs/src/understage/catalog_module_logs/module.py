"""The module that logs what the catalog tells of: its wiring."""

from understage.catalog_api import CONFLICT_TOPIC, ERRORS_TOPIC
from understage.catalog_module_logs.event_log import EventLog
from understage.plugin_api import Events, Logger, ModuleRegistrationPoints, create_backend_module


@create_backend_module(plugin_id="catalog", module_id="logs")
def catalog_module_logs(env: ModuleRegistrationPoints) -> None:
    """Logs errors of processing and refused entities."""

    @env.register_init
    async def init(events: Events, logger: Logger) -> None:
        await events.subscribe("catalog-logs", [ERRORS_TOPIC, CONFLICT_TOPIC], EventLog(logger).take)
