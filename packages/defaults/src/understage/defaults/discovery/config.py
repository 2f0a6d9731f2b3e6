"""What the configuration says about where plugins are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from understage.config import Config, ConfigError
from understage.defaults.discovery.resolvers import Direction, Resolver, fallback_resolver, target_resolver

SECTION: Final = "discovery"
_SRV_SCHEMES: Final = ("http+srv", "https+srv")


class DiscoveryTarget(msgspec.Struct, frozen=True):
    """Addresses of the plugins of an endpoint, by who asks. A missing one falls back to the rule for all plugins.

    Attributes:
        internal: for backends.
        external: for browsers and other callers from outside.
    """

    internal: str | None = None
    external: str | None = None


class DiscoveryEndpoint(msgspec.Struct, frozen=True):
    """Where some plugins are.

    Attributes:
        target: the plugins' root, with `{{pluginId}}` where the id belongs; one address for all, or one per caller.
        plugins: ids of the plugins; `*` means all that no other endpoint names.
    """

    target: str | DiscoveryTarget
    plugins: list[str]


class DiscoveryConfig(msgspec.Struct, frozen=True):
    """Where plugins are that do not live in this backend.

    Attributes:
        endpoints: of two that name the same plugin, the later one counts.
    """

    endpoints: list[DiscoveryEndpoint] = []


@dataclass(frozen=True, slots=True)
class Routes:
    """Finds plugins in both directions."""

    internal: Direction
    external: Direction


def read_routes(config: Config, defaults: Sequence[DiscoveryEndpoint], internal_base_url: str) -> Routes:
    """Reads where plugins are.

    Args:
        config: the whole configuration.
        defaults: endpoints given in code; those of the configuration come after them and so win.
        internal_base_url: where other plugins of this process are reached.

    Raises:
        ConfigError: the base URL is missing, or an endpoint is not valid.
    """
    endpoints = config.read(DiscoveryConfig, SECTION).endpoints
    internal: dict[str, Resolver] = {}
    external: dict[str, Resolver] = {}
    for endpoint in defaults:
        _add(endpoint, internal, external)
    for index, endpoint in enumerate(endpoints):
        _check(endpoint, config, index)
        _add(endpoint, internal, external)
    return Routes(
        Direction(internal, fallback_resolver(internal_base_url)),
        Direction(external, fallback_resolver(config.get_string("backend.baseUrl"))),
    )


def _add(endpoint: DiscoveryEndpoint, internal: dict[str, Resolver], external: dict[str, Resolver]) -> None:
    target = endpoint.target
    if isinstance(target, str):
        target = DiscoveryTarget(internal=target, external=target)
    if target.internal:
        internal.update(dict.fromkeys(endpoint.plugins, target_resolver(target.internal)))
    if target.external:
        external.update(dict.fromkeys(endpoint.plugins, target_resolver(target.external)))


def _check(endpoint: DiscoveryEndpoint, config: Config, index: int) -> None:
    target = endpoint.target
    if isinstance(target, str):
        _check_target(target, config, (index, "target"))
        return
    for name, value in (("internal", target.internal), ("external", target.external)):
        if value is not None:
            _check_target(value, config, (index, "target", name))


def _check_target(target: str, config: Config, path: Sequence[str | int]) -> None:
    key = f"{SECTION}.endpoints[{path[0]}].{'.'.join(map(str, path[1:]))}"
    location = config.location_of([SECTION, "endpoints", *path])
    scheme = urlsplit(target).scheme
    if scheme in _SRV_SCHEMES:
        raise ConfigError(
            f"'{target}' asks for a lookup of DNS SRV records, which is not supported; give the host and port instead,"
            " or the address of a load balancer",
            key=key,
            location=location,
        )
    if scheme not in ("http", "https"):
        raise ConfigError(
            f"expected an address such as 'http://host:7007/api/{{{{pluginId}}}}', got '{target}'",
            key=key,
            location=location,
        )
