"""The catalog plugin: its wiring."""

from understage.catalog.extensions import ProcessingExtensions
from understage.catalog_api import catalog_processing_extension_point
from understage.plugin_api import (
    Database,
    HttpRouter,
    Lifecycle,
    Logger,
    PluginRegistrationPoints,
    RootConfig,
    create_backend_plugin,
)


@create_backend_plugin(plugin_id="catalog")
def catalog_plugin(env: PluginRegistrationPoints) -> None:
    """Reads entities from the configured locations and serves them below `/api/catalog`."""
    extensions = ProcessingExtensions()
    env.register_extension_point(catalog_processing_extension_point, factory=extensions.for_module)

    @env.register_init
    async def init(
        config: RootConfig, database: Database, http_router: HttpRouter, lifecycle: Lifecycle, logger: Logger
    ) -> None:
        from understage.catalog.router import create_router
        from understage.catalog.running import RunningCatalog
        from understage.catalog.service import EntitiesCatalog
        from understage.catalog.totals import Totals

        await database.migrate("understage.catalog")
        totals = Totals(database)
        running = RunningCatalog(config, database, logger, extensions, totals)
        await running.connect_providers()
        lifecycle.add_startup_hook(running.start)
        lifecycle.add_shutdown_hook(running.stop)
        http_router.use(create_router(EntitiesCatalog(database, totals)))
