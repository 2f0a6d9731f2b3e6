"""`understage new`: writes a backend, a plugin or a module into a new folder."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import click

from understage.cli.new.names import camel_case, check_distribution, check_id, class_name, import_name
from understage.cli.new.rendering import render, write

_PACKAGE_HELP = "The distribution's name; its import name follows from it."
_PATH_HELP = "The folder to write, which must not exist yet."
_FOLDER = click.Path(path_type=Path)


@click.group()
def new() -> None:
    """Writes a backend, a plugin or a module that runs, with tests that pass."""


@new.command()
@click.argument("name")
@click.option("--path", type=_FOLDER, help=f"{_PATH_HELP} [default: ./NAME]")
def backend(name: str, path: Path | None) -> None:
    """Writes a backend: main.py, its configuration, entities and a test."""
    check_id("backend", name)
    folder = path or Path(name)
    values = {"name": name, "title": _title(name), **_versions()}
    _create(f"backend '{name}'", ["backend"], values, folder)
    _next_steps(
        f"cd {folder}",
        "python -m venv .venv && .venv/bin/pip install -e '.[dev]'",
        ".venv/bin/python -m pytest",
        ".venv/bin/understage dev",
    )


@new.command()
@click.argument("name", metavar="ID")
@click.option("--package", help=f"{_PACKAGE_HELP} [default: plugin-ID]")
@click.option("--path", type=_FOLDER, help=f"{_PATH_HELP} [default: ./PACKAGE]")
def plugin(name: str, package: str | None, path: Path | None) -> None:
    """Writes a plugin that is served below /api/ID: routes, a service, tables and configuration."""
    check_id("plugin", name)
    distribution = check_distribution(package) if package else f"plugin-{name}"
    values = {
        **_package_values(distribution),
        "plugin_id": name,
        "config_key": camel_case(name),
        "class_name": class_name(name),
    }
    folder = path or Path(distribution)
    _create(f"plugin '{name}'", ["plugin"], values, folder)
    _package_steps(folder, values["import_name"])


@new.command()
@click.argument("name")
@click.option("--plugin", "plugin_id", required=True, metavar="ID", help="The plugin that the module extends.")
@click.option("--package", help=f"{_PACKAGE_HELP} [default: plugin-ID-module-NAME]")
@click.option("--path", type=_FOLDER, help=f"{_PATH_HELP} [default: ./PACKAGE]")
def module(name: str, plugin_id: str, package: str | None, path: Path | None) -> None:
    """Writes a module that extends a plugin; one of the catalog starts with a processor."""
    check_id("module", name)
    check_id("plugin", plugin_id)
    distribution = check_distribution(package) if package else f"plugin-{plugin_id}-module-{name}"
    extends_catalog = plugin_id == "catalog"
    values = {
        **_package_values(distribution),
        "plugin_id": plugin_id,
        "module_id": name,
        "class_name": class_name(name),
        "api_dependency": _dependency("understage-catalog-api") if extends_catalog else "",
    }
    folder = path or Path(distribution)
    templates = ["module", "module_of_catalog" if extends_catalog else "module_of_any"]
    _create(f"module '{name}' of plugin '{plugin_id}'", templates, values, folder)
    _package_steps(folder, values["import_name"])


def _create(what: str, templates: Sequence[str], values: Mapping[str, str], folder: Path) -> None:
    files = render(templates, values)
    write(files, folder)
    click.echo(f"Created {what} in {folder}:")
    for path in sorted(files):
        click.echo(f"  {path.as_posix()}")


def _package_steps(folder: Path, name: str) -> None:
    _next_steps(
        f"pip install -e '{folder if folder.is_absolute() else f'./{folder}'}[dev]'",
        f"python -m pytest {folder}",
        f"understage plugin check {folder}",
        f'add backend.add("{name}") to the main.py of your backend',
    )


def _next_steps(*steps: str) -> None:
    click.echo("Next:")
    for step in steps:
        click.echo(f"  {step}")


def _package_values(distribution: str) -> dict[str, str]:
    return {"distribution": distribution, "import_name": import_name(distribution), **_versions()}


def _versions() -> dict[str, str]:
    """Returns the range of framework versions that what is written works with: those up to the next that may break."""
    current = version("understage-cli")
    major, minor = (int(part) for part in current.split(".")[:2])
    limit = f"0.{minor + 1}" if major == 0 else str(major + 1)
    return {"understage_range": f">={current},<{limit}"}


def _dependency(distribution: str) -> str:
    return f'\n    "{distribution}{_versions()["understage_range"]}",'


def _title(name: str) -> str:
    return " ".join(word.capitalize() for word in name.split("-"))
