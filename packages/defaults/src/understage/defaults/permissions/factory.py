"""Creates the permissions service of each plugin."""

from understage.plugin_api import (
    Auth,
    Discovery,
    PermissionsService,
    RootConfig,
    RootHttpClient,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.permissions)
def permissions_service_factory(
    auth: Auth, config: RootConfig, discovery: Discovery, http_client: RootHttpClient
) -> PermissionsService:
    """Creates the permissions service of a plugin; `permission.enabled` tells whether policies decide at all."""
    from understage.defaults.permissions.service import DefaultPermissions

    enabled = config.get_optional_boolean("permission.enabled") or False
    return DefaultPermissions(enabled=enabled, auth=auth, discovery=discovery, http_client=http_client)
