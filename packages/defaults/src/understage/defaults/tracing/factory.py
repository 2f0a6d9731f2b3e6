"""Creates the tracing service of each plugin."""

from understage.plugin_api import (
    HttpAuth,
    PluginMetadata,
    RootConfig,
    TracingService,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.tracing)
def tracing_service_factory(config: RootConfig, http_auth: HttpAuth, plugin: PluginMetadata) -> TracingService:
    """Provides each plugin's tracing: on OpenTelemetry if it is asked for, else one that does nothing."""
    from understage.defaults.telemetry.scope import read_scope
    from understage.defaults.telemetry.switch import is_enabled

    if not is_enabled(config, "tracing"):
        from understage.defaults.tracing.silent import SilentTracing

        return SilentTracing()
    from understage.defaults.tracing.service import OpenTelemetryTracing

    return OpenTelemetryTracing(
        plugin.id,
        scope=read_scope(config, "tracer", plugin.id),
        http_auth=http_auth,
        capture_end_user=config.get_optional_boolean("backend.tracing.capture.endUser") or False,
    )
