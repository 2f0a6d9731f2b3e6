"""`understage dev`: runs the backend and restarts it when code or configuration changes."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from understage.cli.target import DEFAULT_TARGET

STOP_SECONDS = 5.0
WATCHED_SUFFIXES = frozenset({".py", ".yaml", ".yml", ".json", ".toml", ".sql"})


@click.command()
@click.argument("target", default=DEFAULT_TARGET, metavar="[MODULE:ATTRIBUTE]")
@click.option("--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins.")
@click.option(
    "--watch", "watched", multiple=True, type=click.Path(exists=True, path_type=Path), help="Watch more paths."
)
def dev(target: str, configs: Sequence[str], watched: Sequence[Path]) -> None:
    """Runs the backend in development mode; restarts it when a file changes.

    Watched are the working directory, the folders of the configuration files and what --watch names.
    """
    command = [sys.executable, "-m", "understage.cli", "start", target]
    for config in configs:
        command += ["--config", config]
    folders = {Path.cwd(), *(Path(config).resolve().parent for config in configs if "://" not in config), *watched}
    DevServer(command, folders).run()


class DevServer:
    """A backend process that is replaced when a watched file changes.

    Args:
        command: what starts the backend in the foreground.
        folders: the files and folders to watch.
    """

    def __init__(self, command: Sequence[str], folders: set[Path]) -> None:
        self._command = list(command)
        self._folders = folders
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Runs until interrupted; a backend that fails to start is tried again at the next change."""
        from watchfiles import watch

        signal.signal(signal.SIGTERM, _interrupt)
        self._start()
        try:
            for changes in watch(*self._folders, watch_filter=_Filter(), debounce=200, step=50, raise_interrupt=True):
                names = sorted({os.path.relpath(path) for _, path in changes})
                click.echo(
                    f"restarting: {', '.join(names[:3])}{' and more' if len(names) > 3 else ''} changed", err=True
                )
                self._stop()
                self._start()
        except KeyboardInterrupt:
            click.echo("stopping", err=True)
        finally:
            self._stop()

    def _start(self) -> None:
        environment = {"UNDERSTAGE_ENV": "development", **os.environ}
        # A session of its own: Ctrl+C reaches only us, and we decide when the backend stops.
        self._process = subprocess.Popen(self._command, env=environment, start_new_session=True)  # noqa: S603

    def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            click.echo(f"the backend did not stop within {STOP_SECONDS:.0f} s and is killed", err=True)
            process.kill()
            process.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class _Filter:
    """Lets changes of source and configuration files through; leaves caches, databases and hidden folders out."""

    def __call__(self, change: object, path: str) -> bool:
        changed = Path(path)
        try:
            parts = changed.relative_to(Path.cwd()).parts
        except ValueError:
            parts = changed.parts[-1:]
        ignored = any(part.startswith(".") or part in ("__pycache__", "node_modules") for part in parts)
        return changed.suffix in WATCHED_SUFFIXES and not ignored
