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
        from understage.catalog.config import read_catalog_config
        from understage.catalog.http.analysis_routes import add_analysis_routes
        from understage.catalog.http.location_routes import LocationsApi
        from understage.catalog.http.upkeep_routes import add_upkeep_routes
        from understage.catalog.locations import Locations
        from understage.catalog.router import create_router
        from understage.catalog.running import RunningCatalog
        from understage.catalog.service import EntitiesCatalog
        from understage.catalog.totals import Totals

        if config.get_optional_boolean("permission.enabled"):
            logger.warning(
                "permission.enabled is set, but the catalog does not ask for permissions yet:"
                " every user and service may read, and change, all entities and locations"
            )
        await database.migrate("understage.catalog")
        totals = Totals(database)
        running = RunningCatalog(config, database, logger, extensions, totals)
        await running.connect_providers()
        lifecycle.add_startup_hook(running.start)
        lifecycle.add_shutdown_hook(running.stop)
        routes = create_router(EntitiesCatalog(database, totals))
        add_analysis_routes(routes)
        add_upkeep_routes(routes, database, running.upkeep)
        settings = read_catalog_config(config)
        locations = Locations(
            database, running.registered, lambda: running.engine.pipeline, is_readonly=settings.readonly
        )
        LocationsApi(locations, settings.default_location_conflict_strategy).add_to(routes)
        http_router.use(routes)
