"""`understage dev`, as a process of its own."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from packages.cli.tests.conftest import Project

PATIENCE_SECONDS = 20
RESTART_SECONDS = 5
QUIET_SECONDS = 1.0

Spawn = Callable[..., "subprocess.Popen[bytes]"]


def greeting(project: "Project") -> str | None:
    """Returns what the plugin says now; None if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{project.port}/api/greeter/", timeout=5) as response:
            return str(response.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def output(project: "Project") -> str:
    return (project.folder / "output.log").read_text()


def wait_for(project: "Project", condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Waits until a condition holds, and returns how many seconds that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, output(project)
        time.sleep(0.01)
    return time.monotonic() - begun


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listed.stdout.split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def server(project: "Project", spawn: Spawn) -> "subprocess.Popen[bytes]":
    """A development server that answers, and watches."""
    process = spawn("dev")
    wait_for(project, lambda: greeting(project) == "hello world")
    time.sleep(0.3)  # its watch begins beside the backend's start
    return process


def test_changes_restart_the_backend(project: "Project", server: "subprocess.Popen[bytes]") -> None:
    """A change of code, and one of the configuration, is served within seconds, by a new process."""
    first = children(server)
    edit(project.folder / "greeter.py", '"hello"', '"good morning"')
    wait_for(project, lambda: greeting(project) == "good morning world", RESTART_SECONDS)
    assert "restarting: greeter.py changed" in output(project)
    assert children(server) != first
    time.sleep(0.3)
    edit(project.folder / "app-config.yaml", "title: world", "title: everybody")
    wait_for(project, lambda: greeting(project) == "good morning everybody", RESTART_SECONDS)
    assert "restarting: app-config.yaml changed" in output(project)


def test_what_is_no_change_restarts_nothing(project: "Project", server: "subprocess.Popen[bytes]") -> None:
    """Files written with the same content, environments, caches and databases leave the backend running."""
    first = children(server)
    for name in (".venv/lib/x.py", "__pycache__/x.py", "data/other.sqlite", "node_modules/x/package.json", "notes.txt"):
        file = project.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")
    (project.folder / "greeter.py").write_text((project.folder / "greeter.py").read_text())
    time.sleep(QUIET_SECONDS)
    assert children(server) == first
    assert "restarting" not in output(project)
    assert greeting(project) == "hello world"


def test_a_broken_file_is_mended(project: "Project", server: "subprocess.Popen[bytes]") -> None:
    """A file that cannot be imported is told with its line; the server goes on, and the next change recovers."""
    edit(project.folder / "greeter.py", 'GREETING = "hello"', "GREETING = (")
    wait_for(project, lambda: "the backend ended with exit code 1; the next change starts it again" in output(project))
    assert "greeter.py, line" in output(project)
    assert "Traceback" not in output(project)
    assert greeting(project) is None
    assert server.poll() is None
    edit(project.folder / "greeter.py", "GREETING = (", 'GREETING = "welcome back"')
    wait_for(project, lambda: greeting(project) == "welcome back world", RESTART_SECONDS)


def test_a_backend_that_is_broken_from_the_start(project: "Project", spawn: Spawn) -> None:
    """A configuration that is broken when the server starts can be mended under way, too."""
    edit(project.folder / "app-config.yaml", "title: world", "title: [world")
    server = spawn("dev")
    wait_for(project, lambda: "the backend ended with exit code 1" in output(project))
    assert "app-config.yaml:" in output(project)
    edit(project.folder / "app-config.yaml", "title: [world", "title: world")
    wait_for(project, lambda: greeting(project) == "hello world", RESTART_SECONDS)
    assert server.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_everything(project: "Project", server: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """SIGINT, SIGTERM and a closed terminal end server and backend, and leave no process behind."""
    (backend,) = children(server)
    server.send_signal(number)
    assert server.wait(10) == 0
    assert not is_running(backend)
    assert greeting(project) is None
    assert "Traceback" not in output(project)


def test_a_backend_that_does_not_stop_is_killed_by_a_second_signal(project: "Project", spawn: Spawn) -> None:
    """A second interrupt does not wait for a backend that hangs, and leaves none behind."""
    edit(
        project.folder / "greeter.py",
        "        await database",
        "        import asyncio\n"
        "        print('initialising', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "        await database",
    )
    server = spawn("dev")
    wait_for(project, lambda: "initialising" in output(project))
    (backend,) = children(server)
    server.send_signal(signal.SIGINT)
    wait_for(project, lambda: "Stopping as soon as the start has settled" in output(project))
    server.send_signal(signal.SIGINT)
    server.wait(3)
    assert not is_running(backend)
    assert "interrupted again: the backend is killed" in output(project)


def test_it_is_development_mode(project: "Project", spawn: Spawn) -> None:
    """The backend runs with UNDERSTAGE_ENV=development, unless the environment says otherwise, and logs as text."""
    edit(project.folder / "greeter.py", "text = f", "import os; text = os.environ['UNDERSTAGE_ENV'] + f")
    spawn("dev")
    wait_for(project, lambda: greeting(project) == "developmenthello world")
    assert '{"' not in output(project)
