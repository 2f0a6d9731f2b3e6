"""A Postgres server of a test's own, which it may stop, start and restart."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.not_run import not_run
from tests.support.postgres import PostgresDatabases
from tests.support.processes import free_port

PATIENCE_SECONDS = 30
# Postgres refuses to run as root.
ACCOUNT = "postgres"


class PostgresServer:
    """A server with a data folder of its own.

    Args:
        programs: the folder of `initdb` and `postgres`.
        folder: where its data and log go; belongs to the account that runs it.
        port: where it listens on loopback.
    """

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs = programs
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log"
        self._run("initdb", f"--pgdata={folder}/data", "--auth=trust", "--username=postgres", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", f"{self._folder}/data", "-p", str(self._port), "-k", str(self._folder)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100", "-c", "fsync=off"),
                ],
                stdout=output,
                stderr=output,
                **_account(),
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def stop(self, *, immediate: bool = False) -> None:
        """Stops it: transactions are rolled back first, or it breaks off like a machine that lost its power."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._process.wait(PATIENCE_SECONDS)
        self._process = None

    def close(self) -> None:
        """Stops it if it runs."""
        if self._process is not None:
            self.stop(immediate=True)

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self._port}"]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_account())
        assert done.returncode == 0, done.stdout + done.stderr


def _account() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": [], "cwd": "/"}


@contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """Runs a server; where its programs are missing the test is reported as not run, and in CI as failed."""
    programs = _programs()
    if programs is None:
        not_run("the programs of a Postgres server are not installed")
    folder = Path(tempfile.mkdtemp(prefix="understage-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT, ACCOUNT)
        server = PostgresServer(programs, folder, free_port())
        server.start()
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder)


def databases_on(server: PostgresServer) -> PostgresDatabases:
    """Returns the databases of an installation on a server; they end with it."""
    return PostgresDatabases("understage_plugin_", server.url)


def _programs() -> Path | None:
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if (found := shutil.which("postgres")) is not None:
        folders.append(Path(found).parent)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)
