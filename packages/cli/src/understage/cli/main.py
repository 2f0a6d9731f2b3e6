"""The command's entry point: its group, and how errors reach the user."""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from understage.errors import UnderstageError

# Imported when used: `understage config check` should not wait for what `understage dev` needs.
COMMANDS = {
    "config": "understage.cli.config_commands:config",
    "dev": "understage.cli.dev:dev",
    "inspect": "understage.cli.inspect:inspect",
    "new": "understage.cli.new.commands:new",
    "plugin": "understage.cli.plugin_check.command:plugin",
    "start": "understage.cli.start:start",
}


PLUGIN_COMMANDS_GROUP = "understage.commands"


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for; installed plugins may add some."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all commands."""
        return sorted({*COMMANDS, *_plugin_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command by its name; plugins replace none."""
        target = COMMANDS.get(cmd_name) or _plugin_commands().get(cmd_name)
        if target is None:
            return None
        module, attribute = target.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


def _plugin_commands() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=PLUGIN_COMMANDS_GROUP)}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="understage-cli", prog_name="understage")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Builds and runs Backstage backends in Python."""
    from understage.cli.plugin_services import open_plugin_services

    context.obj = open_plugin_services
    if debug:
        os.environ["UNDERSTAGE_DEBUG"] = "1"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command and exits: 0 when all went well, 1 on errors, 2 on wrong usage.

    Args:
        argv: the arguments, without the program's name; by default the process's.
    """
    try:
        cli.main(args=list(sys.argv[1:] if argv is None else argv), prog_name="understage", standalone_mode=True)
    except UnderstageError as error:
        if os.environ.get("UNDERSTAGE_DEBUG"):
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
