"""`understage start`: the production start, the same as `python main.py`."""

from collections.abc import Sequence

import click

from understage.cli.target import DEFAULT_TARGET, load_backend, pass_configs


@click.command()
@click.argument("target", default=DEFAULT_TARGET, metavar="[MODULE:ATTRIBUTE]")
@click.option("--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins.")
def start(target: str, configs: Sequence[str]) -> None:
    """Runs the backend in the foreground until it is told to stop.

    Without --config, app-config.yaml is read, and app-config.local.yaml if there is one.
    """
    pass_configs(target, configs)
    load_backend(target).run()
