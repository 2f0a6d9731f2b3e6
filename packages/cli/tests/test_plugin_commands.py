"""Commands that installed plugins bring."""

import asyncio
import importlib.metadata
import os
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from understage.cli.main import cli
from understage.cli.plugin_services import ENSURE_VARIABLE, open_plugin_services
from understage.plugin_api import CommandServices, OpenCommandServices


@click.command()
@click.pass_obj
def greet(open_services: OpenCommandServices) -> None:
    """Greets."""
    click.echo(f"hello {open_services is open_plugin_services}")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        EntryPoint("greet", f"{__name__}:greet", "understage.commands"),
        EntryPoint("start", f"{__name__}:greet", "understage.commands"),
    ]
    monkeypatch.setitem(sys.modules, __name__, sys.modules[greet.callback.__module__])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: EntryPoints(entries))


@pytest.mark.usefixtures("installed")
def test_plugins_bring_commands() -> None:
    """A command of the entry point group `understage.commands` is listed and run, and may open services."""
    assert ["greet", "Greets."] in [line.split() for line in CliRunner().invoke(cli, ["--help"]).output.splitlines()]
    assert CliRunner().invoke(cli, ["greet"]).output == "hello True\n"


@pytest.mark.usefixtures("installed")
def test_plugins_replace_no_command() -> None:
    """A command of the framework stays what it is."""
    assert "Runs the backend in the foreground" in CliRunner().invoke(cli, ["start", "--help"]).output


def test_services_are_those_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command gets the configuration and the plugin's own database, which is closed when it is done."""
    for name in ("LOG_LEVEL", ENSURE_VARIABLE):
        monkeypatch.setenv(name, os.environ.get(name, "warn" if name == "LOG_LEVEL" else "false"))
    monkeypatch.setattr(sys, "argv", sys.argv)
    config = tmp_path / "app-config.yaml"
    config.write_text(
        "app: {title: here}\nbackend:\n  database:\n    client: better-sqlite3\n"
        f"    connection: {{directory: {tmp_path}/data}}\n"
    )

    async def use() -> tuple[CommandServices, list[tuple[object, ...]]]:
        async with open_plugin_services("greeter", [str(config)]) as services:
            await services.database.execute("CREATE TABLE greetings (text TEXT)")
            return services, list(await services.database.fetch("SELECT count(*) FROM greetings"))

    services, rows = asyncio.run(use())
    assert services.config.get_string("app.title") == "here"
    assert rows == [(0,)]
    assert list((tmp_path / "data").rglob("*greeter*"))
