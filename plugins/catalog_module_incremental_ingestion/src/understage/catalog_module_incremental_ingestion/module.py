"""The module for incremental ingestion: its wiring."""

from understage.catalog_api import CatalogProcessing
from understage.catalog_module_incremental_ingestion.added_providers import AddedProviders
from understage.catalog_module_incremental_ingestion.extension_points import incremental_ingestion_extension_point
from understage.plugin_api import (
    Database,
    Events,
    HttpAuth,
    HttpRouter,
    Logger,
    Metrics,
    ModuleRegistrationPoints,
    Permissions,
    Scheduler,
    create_backend_module,
)


@create_backend_module(plugin_id="catalog", module_id="incremental-ingestion-entity-provider")
def catalog_module_incremental_ingestion(env: ModuleRegistrationPoints) -> None:
    """Runs the incremental providers of other modules, and lets them be steered below `/incremental`."""
    added = AddedProviders()
    env.register_extension_point(incremental_ingestion_extension_point, added)

    @env.register_init
    async def init(
        catalog: CatalogProcessing,
        database: Database,
        events: Events,
        http_auth: HttpAuth,
        http_router: HttpRouter,
        logger: Logger,
        metrics: Metrics,
        permissions: Permissions,
        scheduler: Scheduler,
    ) -> None:
        from understage.catalog_module_incremental_ingestion.connected_provider import ConnectedProvider
        from understage.catalog_module_incremental_ingestion.gauges import Gauges
        from understage.catalog_module_incremental_ingestion.router import IncrementalRouter
        from understage.catalog_module_incremental_ingestion.steering import Steering

        await database.migrate("understage.catalog_module_incremental_ingestion")
        gauges = Gauges(metrics)
        for one in added.by_name.values():
            catalog.add_entity_provider(ConnectedProvider(one, database, scheduler, events, gauges, logger))
        steering = Steering(database, scheduler, added.by_name)
        http_router.use(IncrementalRouter(steering, permissions, http_auth), "/incremental")
