"""`understage start`, and how the command reports mistakes, as processes of their own."""

import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from packages.cli.tests.conftest import Project

PATIENCE_SECONDS = 20


def answer(project: "Project") -> str:
    """Waits until the backend answers, and returns what the plugin says."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{project.port}/api/greeter/", timeout=5) as response:
                return str(response.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, (project.folder / "output.log").read_text()
            time.sleep(0.05)


@pytest.mark.parametrize("target", [[], ["main:backend"], ["main"], ["./main.py"]])
def test_start_runs_the_backend(
    project: "Project", spawn: Callable[..., "subprocess.Popen[bytes]"], target: list[str]
) -> None:
    """The backend is main:backend or what the argument names; SIGTERM ends it with exit code 0."""
    process = spawn("start", *target)
    assert answer(project) == "hello world"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_the_last_configuration_wins(project: "Project", spawn: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    """--config is handed on to the backend as often as it is given."""
    (project.folder / "more.yaml").write_text("app: {title: everybody}\n")
    spawn("start", "--config", "app-config.yaml", "--config", "more.yaml")
    assert answer(project) == "hello everybody"


@pytest.mark.parametrize(
    "arguments",
    [["start", "--nonsense"], ["nonsense"], ["start", "main:backend", "more"], ["dev", "--watch", "absent"]],
)
def test_wrong_usage(project: "Project", arguments: list[str]) -> None:
    """Unknown commands, options and arguments are said on standard error, with exit code 2."""
    done = project.understage(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: understage")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "absent",
            (
                "error: there is no module 'absent' in {folder} or among the installed packages\n"
                "  hint: run this where your main.py is, or name the backend: understage COMMAND MODULE:ATTRIBUTE\n"
            ),
        ),
        (
            "absent.main:backend",
            (
                "error: there is no module 'absent.main' in {folder} or among the installed packages\n"
                "  hint: run this where your main.py is, or name the backend: understage COMMAND MODULE:ATTRIBUTE\n"
            ),
        ),
        (
            "main:portal",
            (
                "error: module 'main' has no attribute 'portal'\n"
                "  hint: write 'backend = create_backend()' at the top level of the module\n"
            ),
        ),
        (
            "greeter:GREETING",
            (
                "error: module 'greeter' has no backend at 'GREETING', but an object of type str\n"
                "  hint: write 'backend = create_backend()' at the top level of the module\n"
            ),
        ),
    ],
)
def test_an_unknown_target(project: "Project", target: str, message: str) -> None:
    """What is no backend is said in one message, with exit code 1 and without a traceback."""
    done = project.understage("start", target)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == message.format(folder=project.folder.resolve())


def test_a_main_that_cannot_be_imported(project: "Project") -> None:
    """A main.py that fails is named with the line that failed; --debug shows the traceback."""
    (project.folder / "main.py").write_text("import greeter\n\nraise RuntimeError('out of cheese')\n")
    done = project.understage("start")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: module 'main' cannot be imported ({project.folder.resolve()}/main.py:3); "
        "caused by RuntimeError: out of cheese\n"
    )
    debugged = project.understage("--debug", "start")
    assert debugged.returncode == 1
    assert "Traceback" in debugged.stderr
    assert "RuntimeError: out of cheese" in debugged.stderr


def test_a_main_with_a_typing_error(project: "Project") -> None:
    """A syntax error in main.py is named with file and line."""
    (project.folder / "main.py").write_text("backend = (\n")
    done = project.understage("start")
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: module 'main' cannot be imported; caused by SyntaxError: .*\(main\.py, line 1\)\n", done.stderr
    )


def test_debug_reaches_the_backend(project: "Project") -> None:
    """W56: --debug shows the traceback of a plugin that fails, which is left out otherwise."""
    text = (project.folder / "greeter.py").read_text()
    (project.folder / "greeter.py").write_text(text.replace("CREATE TABLE IF", "CREATE TABEL IF"))
    plain = project.understage("start")
    assert plain.returncode == 1
    assert "plugin 'greeter' failed to start" in plain.stdout
    assert "Traceback" not in plain.stdout + plain.stderr
    debugged = project.understage("--debug", "start")
    assert debugged.returncode == 1
    assert "Traceback" in debugged.stdout
