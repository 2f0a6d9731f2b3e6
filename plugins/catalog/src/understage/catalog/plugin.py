"""The catalog plugin: its wiring."""

from understage.catalog.extensions import Extensions
from understage.catalog_api import (
    catalog_analysis_extension_point,
    catalog_locations_extension_point,
    catalog_model_extension_point,
    catalog_processing_extension_point,
)
from understage.catalog_api.scm_events import CatalogScmEvents
from understage.plugin_api import (
    ActionsRegistry,
    Auditor,
    Database,
    Events,
    HttpAuth,
    HttpRouter,
    Lifecycle,
    Logger,
    Metrics,
    Permissions,
    PermissionsRegistry,
    PluginRegistrationPoints,
    RootConfig,
    Scheduler,
    UrlReader,
    create_backend_plugin,
)


@create_backend_plugin(plugin_id="catalog")
def catalog_plugin(env: PluginRegistrationPoints) -> None:
    """Reads entities from the configured locations and serves them below `/api/catalog`."""
    extensions = Extensions()
    env.register_extension_point(catalog_processing_extension_point, factory=extensions.processing.for_module)
    env.register_extension_point(catalog_analysis_extension_point, extensions.analysis)
    env.register_extension_point(catalog_locations_extension_point, extensions.locations)
    env.register_extension_point(catalog_model_extension_point, extensions.model)

    @env.register_init
    async def init(
        actions_registry: ActionsRegistry,
        auditor: Auditor,
        config: RootConfig,
        database: Database,
        events: Events,
        http_auth: HttpAuth,
        http_router: HttpRouter,
        lifecycle: Lifecycle,
        logger: Logger,
        metrics: Metrics,
        permissions: Permissions,
        permissions_registry: PermissionsRegistry,
        scheduler: Scheduler,
        scm_events: CatalogScmEvents,
        url_reader: UrlReader,
    ) -> None:
        from functools import partial

        from understage.catalog.access import Access
        from understage.catalog.actions.operations import Operations
        from understage.catalog.actions.registration import register_actions
        from understage.catalog.analysis import RepositoryAnalyzer
        from understage.catalog.config import read_catalog_config
        from understage.catalog.http.analysis_routes import add_analysis_routes
        from understage.catalog.http.explain_routes import add_explain_routes
        from understage.catalog.http.gate import Gate
        from understage.catalog.http.location_routes import LocationsApi
        from understage.catalog.http.openapi import add_document_route
        from understage.catalog.http.unprocessed_routes import add_unprocessed_routes
        from understage.catalog.http.upkeep_routes import add_upkeep_routes
        from understage.catalog.locations import Locations
        from understage.catalog.resources import add_entity_resource
        from understage.catalog.router import create_router
        from understage.catalog.running import RunningCatalog
        from understage.catalog.service import EntitiesCatalog
        from understage.catalog.totals import Totals

        await database.migrate("understage.catalog")
        totals = Totals(database)
        await extensions.model.read_model(logger)
        running = RunningCatalog(config, database, logger, extensions, totals, url_reader, events, metrics)
        await running.connect_providers()
        lifecycle.add_startup_hook(running.start)
        lifecycle.add_shutdown_hook(running.stop)
        await running.schedule_upkeep(scheduler)
        running.react_to(scm_events, metrics)
        add_entity_resource(permissions_registry, database)
        access = Access(permissions, permissions_registry, database)
        gate = Gate(access, http_auth, auditor)
        entities = EntitiesCatalog(database, totals)
        routes = create_router(entities, gate)
        analyzer = await extensions.analysis.build(partial(RepositoryAnalyzer, running.integrations))
        add_analysis_routes(routes, gate, analyzer)
        add_upkeep_routes(routes, gate, database, running.upkeep)
        add_unprocessed_routes(routes, gate, database, running.upkeep)
        add_explain_routes(routes, gate, database, running.dry_run)
        settings = read_catalog_config(config)
        locations = Locations(
            database,
            running.registered,
            lambda: running.engine.pipeline,
            is_readonly=settings.readonly,
            allowed_types=extensions.locations.allowed_types,
        )
        on_conflict = settings.default_location_conflict_strategy
        LocationsApi(locations, gate, on_conflict).add_to(routes)
        add_document_route(routes)
        register_actions(
            actions_registry,
            Operations(entities, locations, running.upkeep, access, auditor, on_conflict, extensions.model.model),
        )
        http_router.use(routes)
