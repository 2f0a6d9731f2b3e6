"""Creates the actions registry of each plugin that uses it, and its routes."""

from understage.plugin_api import (
    ActionsRegistryService,
    HttpAuth,
    HttpRouter,
    Logger,
    Permissions,
    PermissionsRegistry,
    PluginMetadata,
    RootConfig,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.actions_registry)
def actions_registry_service_factory(
    config: RootConfig,
    http_auth: HttpAuth,
    http_router: HttpRouter,
    logger: Logger,
    permissions: Permissions,
    permissions_registry: PermissionsRegistry,
    plugin: PluginMetadata,
) -> ActionsRegistryService:
    """Creates a plugin's actions registry and serves it below the plugin."""
    from understage.defaults.actions.config import read_actions_config
    from understage.defaults.actions.wire import ACTIONS_PATH
    from understage.defaults.actions_registry.registry import DefaultActionsRegistry
    from understage.defaults.actions_registry.router import ActionRoutes

    registry = DefaultActionsRegistry(
        plugin.id,
        config=read_actions_config(config),
        logger=logger,
        permissions=permissions,
        permissions_registry=permissions_registry,
    )
    http_router.use(ActionRoutes(registry, http_auth), ACTIONS_PATH)
    return registry
