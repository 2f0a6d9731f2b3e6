"""Creates the auditor of each plugin."""

from understage.plugin_api import (
    AuditorService,
    Auth,
    HttpAuth,
    Logger,
    PluginMetadata,
    RootConfig,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.auditor)
def auditor_service_factory(
    auth: Auth, config: RootConfig, http_auth: HttpAuth, logger: Logger, plugin: PluginMetadata
) -> AuditorService:
    """Creates the auditor of a plugin, which writes to the log."""
    from understage.defaults.auditor.service import DefaultAuditor
    from understage.defaults.auditor.severities import read_severity_levels

    return DefaultAuditor(plugin.id, auth=auth, http_auth=http_auth, logger=logger, levels=read_severity_levels(config))
