"""A module as an application's own plugin file looks: its attribute `feature` is the feature."""

from understage.plugin_api import PluginRegistrationPoints, create_backend_plugin

REGISTERED: list[str] = []


@create_backend_plugin(plugin_id="sample")
def feature(env: PluginRegistrationPoints) -> None:
    REGISTERED.append(env.plugin_id)

    @env.register_init
    async def init() -> None:
        REGISTERED.append("init")
