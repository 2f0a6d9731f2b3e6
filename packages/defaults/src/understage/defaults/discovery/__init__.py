"""The discovery service: where plugins are."""

from collections.abc import Sequence

from understage.defaults.discovery.config import DiscoveryConfig, DiscoveryEndpoint, DiscoveryTarget
from understage.defaults.discovery.host_discovery import DefaultDiscovery
from understage.plugin_api import (
    DiscoveryService,
    RootConfig,
    RootHttpRouter,
    RootLogger,
    ServiceFactory,
    core_services,
    create_service_factory,
)

__all__ = [
    "DefaultDiscovery",
    "DiscoveryConfig",
    "DiscoveryEndpoint",
    "DiscoveryTarget",
    "discovery_service_factory",
]


def discovery_service_factory(
    *, default_endpoints: Sequence[DiscoveryEndpoint] = ()
) -> ServiceFactory[DiscoveryService]:
    """Finds plugins by `discovery.endpoints`, else at `backend.baseUrl` and at the address that is listened on.

    Args:
        default_endpoints: endpoints that apply unless the configuration says otherwise.
    """

    def find_all(config: RootConfig, logger: RootLogger, http: RootHttpRouter) -> DefaultDiscovery:
        return DefaultDiscovery(
            config, logger, defaults=default_endpoints, actual_port=lambda: getattr(http, "port", None)
        )

    @create_service_factory(service=core_services.discovery, create_root_context=find_all)
    def factory(root_context: DefaultDiscovery) -> DiscoveryService:
        return root_context

    return factory
