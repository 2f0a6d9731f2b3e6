"""The root instance metadata service, which the backend itself provides."""

from collections.abc import Sequence

from understage.plugin_api import (
    InstalledModule,
    InstalledPlugin,
    RootInstanceMetadataService,
    ServiceFactory,
    core_services,
    create_service_factory,
)
from understage.wiring.graph.plan import Plan


class InstanceMetadata:
    """Which plugins this backend holds; filled once they have registered."""

    def __init__(self) -> None:
        self._plugins: tuple[InstalledPlugin, ...] = ()

    def fill(self, plan: Plan) -> None:
        """Takes over the plugins of a plan, with their modules."""
        self._plugins = tuple(
            InstalledPlugin(plugin.plugin_id, tuple(InstalledModule(module_id) for module_id in plugin.modules))
            for plugin in plan.plugins.values()
        )

    async def get_installed_plugins(self) -> Sequence[InstalledPlugin]:
        """Returns the installed plugins with their modules."""
        return self._plugins


def instance_metadata_factory(metadata: InstanceMetadata) -> ServiceFactory[RootInstanceMetadataService]:
    """Returns the factory that provides the given metadata."""

    @create_service_factory(service=core_services.root_instance_metadata)
    def factory() -> RootInstanceMetadataService:
        return metadata

    return factory
