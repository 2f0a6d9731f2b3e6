"""Creates the metrics service of each plugin."""

from understage.plugin_api import MetricsService, PluginMetadata, RootConfig, core_services, create_service_factory


@create_service_factory(service=core_services.metrics)
def metrics_service_factory(config: RootConfig, plugin: PluginMetadata) -> MetricsService:
    """Provides each plugin's metrics: on OpenTelemetry if it is asked for, else ones that do nothing."""
    from understage.defaults.telemetry.scope import read_scope
    from understage.defaults.telemetry.switch import is_enabled

    if not is_enabled(config, "metrics"):
        from understage.defaults.metrics.silent import SilentMetrics

        return SilentMetrics()
    from understage.defaults.metrics.service import OpenTelemetryMetrics

    return OpenTelemetryMetrics(read_scope(config, "meter", plugin.id))
