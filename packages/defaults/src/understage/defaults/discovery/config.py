"""What the configuration says about where plugins are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from understage.config import Config, ConfigError
from understage.defaults.discovery.dns_lookup import is_installed
from understage.defaults.discovery.resolvers import Direction, Resolver, fallback_resolver, target_resolver
from understage.defaults.discovery.srv import SCHEMES as SRV_SCHEMES

SECTION: Final = "discovery"


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
    if target.internal is not None:
        _check_target(target.internal, config, (index, "target", "internal"), allow_srv=True)
    if target.external is not None:
        _check_target(target.external, config, (index, "target", "external"))


def _check_target(target: str, config: Config, path: Sequence[str | int], *, allow_srv: bool = False) -> None:
    problem = _problem(target, allow_srv=allow_srv)
    if problem is not None:
        raise ConfigError(
            problem,
            key=f"{SECTION}.endpoints[{path[0]}].{'.'.join(map(str, path[1:]))}",
            location=config.location_of([SECTION, "endpoints", *path]),
        )


def _problem(target: str, *, allow_srv: bool) -> str | None:
    """Returns what is wrong with a target, or None."""
    scheme, place = urlsplit(target)[:2]
    if scheme in ("http", "https"):
        return None
    target = re.sub(r"//[^/]*@", "//***@", target)
    if scheme not in SRV_SCHEMES:
        return f"expected an address such as 'http://host:7007/api/{{{{pluginId}}}}', got '{target}'"
    if not allow_srv:
        return (
            f"'{target}' asks for a lookup of DNS SRV records, which only backends do; write it as the target's"
            " 'internal' address, and give browsers an 'external' one"
        )
    if any(sign in target for sign in "@?#") or ":" in place or not place:
        return (
            f"'{target}' asks for a lookup of DNS SRV records, which tell host and port; expected a name and a path"
            f" only, such as '{scheme}://backend.example/api/{{{{pluginId}}}}'"
        )
    if not is_installed():
        return f"'{target}' asks for a lookup of DNS SRV records, which needs: pip install 'understage[srv]'"
    return None
