"""`understage start`: the production start, the same as `python main.py`, in one process or in several."""

from collections.abc import Sequence

import click

from understage.cli.target import DEFAULT_TARGET, load_backend, pass_configs

_PROCESSES_HELP = "Run the plugins in several processes, in the groups of backend.processes.groups or --group."
_GROUP_HELP = "A group of plugins that gets a process of its own; repeatable."


@click.command()
@click.argument("target", default=DEFAULT_TARGET, metavar="[MODULE:ATTRIBUTE]")
@click.option("--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins.")
@click.option("--processes", is_flag=True, help=_PROCESSES_HELP)
@click.option("--group", "groups", multiple=True, metavar="NAME=PLUGIN,...", help=_GROUP_HELP)
@click.option("--plugin", "plugins", multiple=True, metavar="ID", help="Run only this plugin; repeatable.")
@click.option("--gateway", is_flag=True, help="Pass requests for other plugins on to where discovery finds them.")
@click.option("--supervised", is_flag=True, hidden=True)
def start(
    target: str,
    configs: Sequence[str],
    processes: bool,
    groups: Sequence[str],
    plugins: Sequence[str],
    gateway: bool,
    supervised: bool,
) -> None:
    """Runs the backend in the foreground until it is told to stop.

    Without --config, app-config.yaml is read, and app-config.local.yaml if there is one.
    """
    if processes or groups:
        if plugins or gateway:
            raise click.UsageError("--plugin and --gateway are for a single process, --processes and --group are not")
        from understage.cli.processes.running import run_processes

        raise SystemExit(run_processes(target, configs, groups))
    pass_configs(target, configs)
    backend = load_backend(target)
    if gateway:
        backend.add("understage.gateway")
    if plugins or gateway:
        backend.run_only([*plugins, *(["gateway"] if gateway else [])])
    if supervised:
        from understage.cli.processes.supervised import report_to_supervisor

        report_to_supervisor(backend)
    backend.run()
