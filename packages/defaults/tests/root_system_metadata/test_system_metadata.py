"""Which plugins the whole installation holds."""

from typing import Any

from understage.plugin_api import (
    PluginRegistrationPoints,
    RootSystemMetadata,
    SystemPlugin,
    core_services,
    create_backend_plugin,
)
from understage.testing import ServiceFactoryTester, mock_services, start_test_backend


def config(*endpoints: Any) -> dict[str, Any]:
    return {"backend": {"baseUrl": "http://localhost:7007"}, "discovery": {"endpoints": list(endpoints)}}


async def test_here_and_elsewhere() -> None:
    """D42: listed are this backend's plugins and those that discovery places somewhere, each once, `*` not at all.

    deviation: no plugin is listed twice
    """
    kept: list[Any] = []

    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(metadata: RootSystemMetadata) -> None:
            kept.append(metadata)

    data = config(
        {"target": "http://a:7007/api/{{pluginId}}", "plugins": ["catalog", "things", "*"]},
        {"target": {"internal": "http://b:7007/api/{{pluginId}}"}, "plugins": ["search", "catalog"]},
    )
    async with start_test_backend(features=[things_plugin, mock_services.root_config.factory(data)]):
        [metadata] = kept
        plugins = await metadata.get_installed_plugins()
    assert plugins == [SystemPlugin("things"), SystemPlugin("catalog"), SystemPlugin("search")]


async def test_it_follows_the_configuration() -> None:
    """D42: a change of the configuration counts at once."""
    root_config = mock_services.root_config(config())
    tester = ServiceFactoryTester.from_factory(
        mock_services.root_system_metadata.factory(), dependencies=[_factory(root_config)]
    )
    metadata = await tester.get_subject()
    assert await metadata.get_installed_plugins() == []
    root_config.update(config({"target": "http://a/api/{{pluginId}}", "plugins": ["catalog"]}))
    assert await metadata.get_installed_plugins() == [SystemPlugin("catalog")]


async def test_there_is_no_route() -> None:
    """D41: instance metadata cannot be asked for over HTTP."""
    async with start_test_backend() as backend:
        response = await backend.client.get("/.backstage/instanceMetadata/v1/info")
    assert (response.status_code, response.content) == (404, b"")


def _factory(config: Any) -> Any:
    from understage.plugin_api import ServiceFactory

    return ServiceFactory(core_services.root_config, lambda: config, deps={})
