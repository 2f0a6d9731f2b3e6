"""A backend's folder, and the command run in it as a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

MAIN = """\
from understage.defaults import create_backend

import greeter

backend = create_backend()
backend.add(greeter)
"""
GREETER = """\
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from understage.plugin_api import Database, HttpRouter, PluginRegistrationPoints, RootConfig, create_backend_plugin

GREETING = "hello"


@create_backend_plugin(plugin_id="greeter")
def feature(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(config: RootConfig, database: Database, http_router: HttpRouter) -> None:
        await database.execute("CREATE TABLE IF NOT EXISTS greetings (text TEXT)")
        text = f"{GREETING} {config.get_string('app.title')}"
        http_router.use(Starlette(routes=[Route("/", lambda request: PlainTextResponse(text))]))
        http_router.add_auth_policy(path="/", allow="unauthenticated")
"""
CONFIG = """\
app:
  title: world
  baseUrl: http://localhost:3000
backend:
  baseUrl: http://localhost:{port}
  listen: 127.0.0.1:{port}
  database:
    client: better-sqlite3
    connection: {{directory: ./data}}
"""


@dataclass
class Project:
    """A folder with a main.py, a plugin and an app-config.yaml.

    Attributes:
        folder: where they are.
        port: the configured port, which is free.
    """

    folder: Path
    port: int

    def environment(self, **extra: str) -> dict[str, str]:
        """Returns a process environment that the tests' own settings do not reach into."""
        settings = ("UNDERSTAGE_", "NODE_ENV", "LOG_LEVEL", "APP_CONFIG_", "BACKSTAGE_ENV", "COLUMNS")
        return {key: value for key, value in os.environ.items() if not key.startswith(settings)} | extra

    def understage(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "understage.cli", *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path, port: int) -> Project:
    """A backend with one plugin."""
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "greeter.py").write_text(GREETER)
    (tmp_path / "app-config.yaml").write_text(CONFIG.format(port=port))
    return Project(tmp_path, port)


@pytest.fixture
def spawn(project: Project) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts the command in the background; what a test leaves running is killed."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        with (project.folder / "output.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "understage.cli", *arguments],
                cwd=project.folder,
                env=project.environment(**environment),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
