"""Which plugin runs in which process, and how the processes find each other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from understage.config import Config
from understage.defaults.discovery.internal_address import internal_base_url
from understage.defaults.root_http_router.listening import read_listen_options
from understage.errors import InputError

FRONT: Final = "front"
GATEWAY: Final = "gateway"
GROUPS_KEY: Final = "backend.processes.groups"
_LOOPBACK: Final = "127.0.0.1"
# Variables that the supervisor sets itself; the user's own for these keys, which it has read, must not contradict them.
_DISCOVERY: Final = "APP_CONFIG_discovery_endpoints"
_LISTEN: Final = "APP_CONFIG_backend_listen"
_HTTPS: Final = "APP_CONFIG_backend_https"


@dataclass(frozen=True, slots=True)
class Placement:
    """A process and its plugins.

    Attributes:
        name: the group's name, or `front`.
        plugins: ids of its plugins.
        address: the root address at which the other processes reach it.
        port: the port on loopback that it listens on; None for the front, which listens where the configuration says.
    """

    name: str
    plugins: tuple[str, ...]
    address: str
    port: int | None = None


def read_groups(config: Config, given: Sequence[str]) -> dict[str, list[str]]:
    """Returns the plugins of each group.

    Args:
        config: the whole configuration; its groups count unless some are given.
        given: groups as `NAME=PLUGIN,PLUGIN`.

    Raises:
        InputError: there are no groups, or one that was given is not written like that.
        ConfigError: the configuration's groups are no lists of texts.
    """
    if given:
        return _parse_all(given)
    if not config.has(GROUPS_KEY):
        raise InputError(
            f"there is nothing to place: neither --group nor {GROUPS_KEY} names a group of plugins\n"
            "  hint: understage start --group catalog=catalog,search"
        )
    section = config.get_config(GROUPS_KEY)
    return {name: section.get_string_array(name) for name in section.keys()}  # noqa: SIM118 - a Config is no mapping


def _parse_all(given: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for text in given:
        name, plugins = _parse(text)
        groups.setdefault(name, []).extend(plugins)
    return groups


def _parse(text: str) -> tuple[str, list[str]]:
    name, _, plugins = text.partition("=")
    ids = [plugin_id.strip() for plugin_id in plugins.split(",") if plugin_id.strip()]
    if not name or not ids:
        raise InputError(f"expected a group as NAME=PLUGIN,PLUGIN, got '{text}'")
    return name, ids


def place(
    installed: Sequence[str], groups: Mapping[str, Sequence[str]], config: Config, ports: Sequence[int]
) -> list[Placement]:
    """Places every plugin: those of a group in its process, all others in the front.

    Args:
        installed: ids of all plugins of the backend.
        groups: plugins by the name of their group.
        config: the whole configuration; says where the front listens.
        ports: a free port on loopback for each group.

    Returns:
        The groups in their order, and then the front.

    Raises:
        InputError: a group or its plugins cannot be, or the front has no fixed port.
    """
    _check(installed, groups)
    placed = {plugin_id for plugins in groups.values() for plugin_id in plugins}
    placements = [
        Placement(name, tuple(plugins), f"http://{_LOOPBACK}:{port}", port)
        for (name, plugins), port in zip(groups.items(), ports, strict=True)
    ]
    rest = tuple(plugin_id for plugin_id in installed if plugin_id not in placed)
    return [*placements, Placement(FRONT, rest, _front_address(config))]


def _check(installed: Sequence[str], groups: Mapping[str, Sequence[str]]) -> None:
    homes: dict[str, str] = {}
    for name, plugins in groups.items():
        if name == FRONT:
            raise InputError(f"a group cannot be called '{FRONT}': that is the process with all plugins of no group")
        if not plugins:
            raise InputError(f"group '{name}' has no plugins; name some, or leave it out")
        for plugin_id in plugins:
            if plugin_id == GATEWAY:
                raise InputError(f"plugin '{GATEWAY}' cannot be in group '{name}': it belongs to the front")
            if plugin_id not in installed:
                known = ", ".join(f"'{known}'" for known in installed) or "none"
                raise InputError(f"group '{name}' has plugin '{plugin_id}', but the backend has not; it has {known}")
            if plugin_id in homes:
                raise InputError(f"plugin '{plugin_id}' is in two groups, '{homes[plugin_id]}' and '{name}'")
            homes[plugin_id] = name


def _front_address(config: Config) -> str:
    if read_listen_options(config).port == 0:
        raise InputError(
            "backend.listen: with several processes the port must be known beforehand, but it is 0\n"
            "  hint: set backend.listen.port"
        )
    # A certificate is for the public name, so with TLS it is by that name that the other processes come.
    return (
        config.get_string("backend.baseUrl").rstrip("/")
        if config.get_optional("backend.https")
        else internal_base_url(config)
    )


def environment_of(
    placement: Placement, placements: Sequence[Placement], config: Config, base: Mapping[str, str]
) -> dict[str, str]:
    """Returns the environment of a process: what it inherits, and the configuration that is its own.

    Args:
        placement: the process.
        placements: all processes.
        config: the whole configuration; its own discovery endpoints stay in force.
        base: the environment that is inherited.
    """
    decided = (_DISCOVERY,) if placement.port is None else (_DISCOVERY, _LISTEN, _HTTPS)
    environment = {name: value for name, value in base.items() if not name.startswith(decided)}
    endpoints = [*(config.get_optional("discovery.endpoints") or []), *_endpoints(placements)]
    environment[_DISCOVERY] = json.dumps(endpoints)
    if placement.port is not None:
        environment[_LISTEN] = f"{_LOOPBACK}:{placement.port}"
        environment[_HTTPS] = "false"
    return environment


def _endpoints(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    return [
        {"target": {"internal": f"{placement.address}/api/{{{{pluginId}}}}"}, "plugins": list(placement.plugins)}
        for placement in placements
        if placement.plugins
    ]
