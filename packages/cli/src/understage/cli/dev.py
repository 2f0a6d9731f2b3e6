"""`understage dev`: runs the backend and restarts it when code or configuration changes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from understage.cli.sources import Sources
from understage.cli.target import DEFAULT_TARGET

STOP_SECONDS = 5.0
_DEBOUNCE_MILLISECONDS = 200
_STEP_MILLISECONDS = 50
_CHECK_MILLISECONDS = 500


@click.command()
@click.argument("target", default=DEFAULT_TARGET, metavar="[MODULE:ATTRIBUTE]")
@click.option("--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins.")
@click.option(
    "--watch", "watched", multiple=True, type=click.Path(exists=True, path_type=Path), help="Watch more paths."
)
def dev(target: str, configs: Sequence[str], watched: Sequence[Path]) -> None:
    """Runs the backend in development mode; restarts it when a file changes.

    Watched are source and configuration files below the working directory, the configuration files wherever they are,
    and what --watch names.
    """
    command = [sys.executable, "-m", "understage.cli", "start", target]
    for config in configs:
        command += ["--config", config]
    folders = [Path.cwd(), *(path for path in watched if path.is_dir())]
    files = [Path(config) for config in configs if "://" not in config]
    files += [path for path in watched if not path.is_dir()]
    DevServer(command, Sources(folders, files)).run()


class DevServer:
    """A backend process that is replaced when a file changes.

    Args:
        command: what starts the backend in the foreground.
        sources: the files that matter.
    """

    def __init__(self, command: Sequence[str], sources: Sources) -> None:
        self._command = list(command)
        self._sources = sources
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Runs until interrupted; a backend that fails to start is tried again at the next change."""
        # SIGINT too: a shell that starts us in the background has it ignored, and Python then leaves it so.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            self._sources.remember()
            self._start()
            for paths in self._changes():
                names = [os.path.relpath(path) for path in paths]
                _tell(f"restarting: {', '.join(names[:3])}{' and more' if len(names) > 3 else ''} changed")
                self._stop()
                self._start()
        except KeyboardInterrupt:
            _tell("stopping")
        finally:
            self._stop()

    def _changes(self) -> Iterator[list[Path]]:
        """Gives the files of each change; between changes it tells of a backend that ended by itself."""
        from watchfiles import watch

        told: subprocess.Popen[bytes] | None = None
        for events in watch(
            *self._sources.watched(),
            watch_filter=lambda _, path: Path(path) in self._sources,
            debounce=_DEBOUNCE_MILLISECONDS,
            step=_STEP_MILLISECONDS,
            rust_timeout=_CHECK_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=True,
        ):
            if paths := self._sources.changed(Path(path) for _, path in events):
                yield paths
            process = self._process
            if process is not None and process is not told and process.poll() is not None:
                told = process
                _tell(f"the backend ended with exit code {process.returncode}; the next change starts it again")

    def _start(self) -> None:
        environment = {"UNDERSTAGE_ENV": "development", **os.environ}
        # A session of its own: Ctrl+C reaches only us, and we decide when the backend stops.
        self._process = subprocess.Popen(self._command, env=environment, start_new_session=True)  # noqa: S603 - our own

    def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _tell(f"the backend did not stop within {STOP_SECONDS:.0f} s and is killed")
        except KeyboardInterrupt:
            _tell("interrupted again: the backend is killed")
            raise
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _tell(message: str) -> None:
    click.echo(message, err=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
