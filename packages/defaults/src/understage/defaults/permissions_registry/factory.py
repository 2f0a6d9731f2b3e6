"""Creates the permissions registry of each plugin that uses it, and its routes."""

from understage.plugin_api import (
    HttpAuth,
    HttpRouter,
    Lifecycle,
    PermissionsRegistryService,
    PluginMetadata,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.permissions_registry)
def permissions_registry_service_factory(
    http_auth: HttpAuth, http_router: HttpRouter, lifecycle: Lifecycle, plugin: PluginMetadata
) -> PermissionsRegistryService:
    """Creates a plugin's permissions registry and serves it below the plugin."""
    from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry
    from understage.defaults.permissions_registry.router import PERMISSIONS_PATH, PermissionRoutes

    registry = DefaultPermissionsRegistry(plugin.id)
    http_router.use(PermissionRoutes(registry, http_auth), PERMISSIONS_PATH)
    lifecycle.add_startup_hook(registry.close)
    return registry
