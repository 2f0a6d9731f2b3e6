"""Runs a backend in several processes."""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence

from understage.cli.processes.child import Child
from understage.cli.processes.placement import FRONT, GATEWAY, Placement, environment_of, place, read_groups
from understage.cli.processes.supervisor import Supervisor
from understage.config import LoadOptions
from understage.defaults.root_config.loading import load_root_config
from understage.defaults.root_logger import LogOutput, create_root_logger
from understage.defaults.root_logger.factory import choose_format
from understage.errors import InputError


def run_processes(target: str, configs: Sequence[str], groups: Sequence[str]) -> int:
    """Runs a backend's plugins in several processes until it is told to stop.

    Args:
        target: the backend, as for `understage start`.
        configs: configuration files, the last one wins.
        groups: groups as `NAME=PLUGIN,PLUGIN`; without any those of the configuration.

    Returns:
        The exit code.

    Raises:
        InputError: the plugins cannot be placed like that.
        ConfigError: the configuration cannot be used.
    """
    return asyncio.run(_run(target, configs, groups))


async def _run(target: str, configs: Sequence[str], given: Sequence[str]) -> int:
    chosen = [argument for config in configs for argument in ("--config", config)]
    config = await load_root_config(LoadOptions(argv=chosen), watch=False)
    groups = read_groups(config, given)
    installed = await asyncio.to_thread(installed_plugins, target, chosen)
    has_gateway = GATEWAY in installed
    if not has_gateway and importlib.util.find_spec("understage.gateway") is None:
        raise InputError("several processes need the gateway plugin\n  hint: pip install understage-gateway")
    placements = place(installed, groups, config, free_ports(len(groups)))
    logger = create_root_logger(config, LogOutput(choose_format(os.environ, is_terminal=sys.stdout.isatty())))

    def child(placement: Placement) -> Child:
        message = f"Placing {', '.join(placement.plugins) or 'no plugin'} in the process '{placement.name}'"
        logger.info(message, address=placement.address)
        arguments = ["start", target, *chosen, "--supervised"]
        arguments += [argument for plugin_id in placement.plugins for argument in ("--plugin", plugin_id)]
        if placement.name == FRONT and not has_gateway:
            arguments.append("--gateway")
        environment = environment_of(placement, placements, config, os.environ)
        return Child(placement.name, arguments, environment, logger)

    *behind, front = [child(placement) for placement in placements]
    return await Supervisor(behind, front, logger).run()


def installed_plugins(target: str, arguments: Sequence[str]) -> list[str]:
    """Returns the ids of a backend's plugins; imports them in a process of its own, as this one stays small.

    Args:
        target: the backend.
        arguments: its `--config` arguments.

    Raises:
        InputError: what was added to the backend does not fit together.
        SystemExit: the backend cannot be imported, as was said on standard error.
    """
    command = [sys.executable, "-m", "understage.cli", "inspect", target, *arguments, "--format", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own command
    if not done.stdout:
        raise SystemExit(done.returncode or 1)
    report = json.loads(done.stdout)
    if report["problems"]:
        raise InputError("\n".join(map(str, report["problems"])))
    return [plugin["pluginId"] for plugin in report["plugins"]]


def free_ports(count: int) -> list[int]:
    """Returns ports on loopback that nobody listens on.

    Args:
        count: how many; they differ from each other.
    """
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
