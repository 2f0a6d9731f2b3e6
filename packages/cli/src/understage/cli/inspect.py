"""`understage inspect`: what a backend consists of, and how long its start takes."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import click

from understage.cli.target import DEFAULT_TARGET, load_backend, pass_configs
from understage.wiring import Backend, BackendStartupError, StartReport
from understage.wiring.draw import Format, render

LISTEN_VARIABLE = "APP_CONFIG_backend_listen"


@click.command()
@click.argument("target", default=DEFAULT_TARGET, metavar="[MODULE:ATTRIBUTE]")
@click.option("--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins.")
@click.option("--format", "form", type=click.Choice(["tree", "json", "html", "svg"]), default="tree", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@click.option("--timings", is_flag=True, help="Start the backend on a free port, measure, and stop it again.")
def inspect(target: str, configs: Sequence[str], form: Format, output: Path | None, timings: bool) -> None:
    """Shows plugins, modules, extension points and services, and who provides, needs and replaces what.

    Nothing is started, no port and no database is opened, unless --timings is given: then the backend really starts, on
    its configured database, and the report has times and a time line.
    """
    pass_configs(target, configs)
    with _measuring() if timings else redirect_stdout(sys.stderr):
        report = asyncio.run(_measure(load_backend(target)) if timings else _inspect(load_backend(target)))
    text = render(report, form)
    if timings and form == "tree":
        from understage.cli.time_line import text_time_line

        text += "\n" + text_time_line(report, shutil.get_terminal_size((100, 24)).columns)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    if not is_well(report):
        raise SystemExit(1)


def is_well(report: StartReport) -> bool:
    """Tells whether the backend can start, or did."""
    if report.outcome is not None:
        return report.outcome == "success"
    failures = [plugin.failure for plugin in report.plugins]
    failures.extend(module.failure for plugin in report.plugins for module in plugin.modules)
    return not report.problems and not any(failures)


async def _inspect(backend: Backend) -> StartReport:
    try:
        return await backend.inspect()
    finally:
        await backend.stop()


async def _measure(backend: Backend) -> StartReport:
    try:
        await backend.start()
    except BackendStartupError as error:
        click.echo(f"error: {error}", err=True)
    try:
        return await backend.inspect()
    finally:
        await backend.stop()


@contextmanager
def _measuring() -> Iterator[None]:
    """Lets a backend start beside one that runs already, and keeps its log apart from the report."""
    for name in [name for name in os.environ if name.startswith(LISTEN_VARIABLE)]:
        del os.environ[name]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ[LISTEN_VARIABLE] = f"127.0.0.1:{probe.getsockname()[1]}"
    os.environ.setdefault("LOG_LEVEL", "warn")
    with redirect_stdout(sys.stderr):
        yield
