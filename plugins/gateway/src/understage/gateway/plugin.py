"""The gateway plugin: its wiring."""

from understage.gateway.gateway import Gateway
from understage.gateway.upstream import Upstream
from understage.plugin_api import (
    Discovery,
    Lifecycle,
    Logger,
    PluginRegistrationPoints,
    RootHttpRouter,
    RootInstanceMetadata,
    create_backend_plugin,
)


@create_backend_plugin(plugin_id="gateway")
def gateway_plugin(env: PluginRegistrationPoints) -> None:
    """Passes requests for plugins that are not in this backend on to the one where discovery finds them."""

    @env.register_init
    async def init(
        discovery: Discovery,
        lifecycle: Lifecycle,
        logger: Logger,
        metadata: RootInstanceMetadata,
        root_http_router: RootHttpRouter,
    ) -> None:
        upstream = Upstream()
        lifecycle.add_shutdown_hook(upstream.close)
        root_http_router.use("/api/:pluginId", Gateway(discovery, metadata, upstream, logger))
