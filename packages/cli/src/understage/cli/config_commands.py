"""`understage config`: prints, checks and documents the configuration."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import click

from understage.config import ConfigSchema, LoadedConfig, LoadOptions, Problem, RemoteConfig, load_config

Format = Literal["yaml", "json"]


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say which configuration is meant."""
    command = click.option("--remote", is_flag=True, help="Allow URLs as --config.")(command)
    return click.option(
        "--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins."
    )(command)


@click.group()
def config() -> None:
    """Prints, checks and documents the configuration."""


@config.command("print")
@config_options
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@click.option("--frontend", is_flag=True, help="Only what the frontend may see.")
@click.option("--with-secrets", is_flag=True, help="Show secrets instead of masking them.")
def print_config(configs: Sequence[str], remote: bool, form: Format, frontend: bool, with_secrets: bool) -> None:
    """Prints the merged configuration, secrets masked."""
    loaded = _load(configs, remote)
    if frontend:
        values: Any = _schema().filter(loaded.config, ["frontend"])
    elif with_secrets:
        values = loaded.config.get_optional() or {}
    else:
        values = _schema().mask(loaded.config)
    click.echo(_dump(values, form), nl=False)


@config.command()
@config_options
@click.option("--strict", is_flag=True, help="Keys that no schema knows fail, too.")
def check(configs: Sequence[str], remote: bool, strict: bool) -> None:
    """Validates the configuration against the schemas of all installed packages."""
    loaded = _load(configs, remote)
    problems = [*loaded.warnings, *_schema().validate(loaded.config)]
    failing = [problem for problem in problems if strict or problem.severity == "error"]
    for problem in problems:
        click.echo(_line(problem), err=True)
    if failing:
        click.echo(f"Configuration has {_count(len(failing), 'problem')}.", err=True)
        sys.exit(1)
    warned = f", with {_count(len(problems), 'warning')}" if problems else ""
    click.echo(f"Configuration is valid{warned}.")


@config.command()
@click.option("--format", "form", type=click.Choice(["json", "yaml"]), default="json", show_default=True)
def schema(form: Format) -> None:
    """Prints the JSON Schema of all installed packages as one."""
    click.echo(_dump(_schema().to_json_schema(), form), nl=False)


@config.command()
def docs() -> None:
    """Prints all configuration keys as a Markdown page."""
    click.echo(_schema().to_markdown())


def _load(configs: Sequence[str], remote: bool) -> LoadedConfig:
    options = LoadOptions(targets=configs, remote=RemoteConfig() if remote else None)
    return asyncio.run(load_config(options))


def _schema() -> ConfigSchema:
    return ConfigSchema.from_packages()


def _line(problem: Problem) -> str:
    return f"{problem.severity}: {problem}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _dump(values: Any, form: Format) -> str:
    if form == "json":
        import msgspec

        return msgspec.json.format(msgspec.json.encode(values)).decode() + "\n"
    import yaml

    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
