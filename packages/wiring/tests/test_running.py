import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from understage.wiring import Backend, run_backend
from understage.wiring.stop.instances import stop_instances

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


async def fails() -> None:
    raise ValueError("no database")


async def started(backend: Backend) -> None:
    """Waits until a backend has started."""
    for _ in range(1000):
        if backend.state == "started":
            return
        await asyncio.sleep(0.001)
    raise AssertionError(backend.state)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_backend(world: "World", number: signal.Signals) -> None:
    """W112: SIGTERM and SIGINT stop the backend, and the exit code is 0 if everything stopped."""
    backend = world.backend(world.plugin("a"))
    before = signal.getsignal(number)
    running = asyncio.create_task(run_backend(backend))
    await started(backend)
    os.kill(os.getpid(), number)
    assert await asyncio.wait_for(running, 5) == 0
    assert world.journal[-1] == "root shutdown"
    assert signal.getsignal(number) == before


async def test_a_signal_stops_every_backend_of_the_process(world: "World") -> None:
    """W112: a signal stops every live backend in the process, not just the one that runs.

    deviation: an emptied event loop stops nothing, as in Python a loop ends with the coroutine that it runs.
    """
    other, backend = world.backend(world.plugin("other")), world.backend(world.plugin("a"))
    await other.start()
    running = asyncio.create_task(run_backend(backend))
    await started(backend)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 5) == 0
    assert (other.state, backend.state) == ("stopped", "stopped")


async def test_a_stop_that_fails_is_told(world: "World") -> None:
    """W112: if a stop fails, the exit code is 1 and the error is logged."""

    async def refuses() -> None:
        raise ValueError("cannot stop")

    world.hooks["root shutdown"] = refuses
    backend = world.backend(world.plugin("a"))
    running = asyncio.create_task(run_backend(backend))
    await started(backend)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 5) == 1
    assert any("did not stop cleanly" in message for message in world.logger.messages("error"))
    world.backends.clear()


async def test_a_failed_start_exits_with_an_error(world: "World") -> None:
    """W56: a failed start is logged, one message for each failure and no traceback, and the exit code is 1."""
    backend = world.backend(world.plugin("a", fails), world.plugin("b"))
    assert await asyncio.wait_for(run_backend(backend), 5) == 1
    assert world.logger.messages("error") == [
        "plugin 'a' failed to start: ValueError: no database",
        "The backend failed to start and stops now",
    ]
    assert not [metadata for level, _, metadata in world.logger.entries if level == "error" and "error" in metadata]
    assert "b shutdown" in world.journal


async def test_an_aborted_start_exits_with_an_error(world: "World") -> None:
    """W56: what aborts the start is logged once each, its traceback at debug level only."""
    backend = world.backend(17, "acme_absent")
    assert await asyncio.wait_for(run_backend(backend), 5) == 1
    errors = world.logger.messages("error")
    assert errors[0].startswith("InvalidFeatureError: 17 is no feature")
    assert errors[1].startswith("InvalidFeatureError: 'acme_absent' cannot be imported")
    assert len(errors) == 3
    assert [level for level, _, metadata in world.logger.entries if "error" in metadata] == ["debug", "debug"]


async def test_a_signal_during_the_start_waits_for_it(world: "World") -> None:
    """W111, W112: a signal that comes during the start lets it settle and then stops."""
    release = asyncio.Event()
    backend = world.backend(world.plugin("a", release.wait, deps={}))
    running = asyncio.create_task(run_backend(backend))
    await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.01)
    assert not running.done()
    release.set()
    assert await asyncio.wait_for(running, 5) == 0
    assert world.journal[-1] == "root shutdown"


async def test_a_second_signal_gives_up_waiting(world: "World") -> None:
    """W116: hooks and inits have no timeout, so a second signal ends the wait, with exit code 1."""
    backend = world.backend(world.plugin("a", asyncio.Event().wait, deps={}))
    running = asyncio.create_task(run_backend(backend))
    await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 5) == 1
    assert "Stopped without waiting: a second signal came" in world.logger.messages("error")


async def test_a_second_signal_ends_a_hanging_stop(world: "World") -> None:
    """W116: a hook that hangs during the stop can be left behind by a second signal."""
    world.hooks["a shutdown"] = asyncio.Event().wait
    backend = world.backend(world.plugin("a"))
    running = asyncio.create_task(run_backend(backend))
    await started(backend)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 5) == 1
    world.backends.clear()


async def test_all_instances_can_be_stopped(world: "World") -> None:
    """W112: stopping all instances gathers what went wrong, and no error if nothing did."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    assert await stop_instances() == []
    assert backend.state == "stopped"


MAIN = """
from understage.plugin_api import create_backend_plugin
from understage.wiring import Backend

@create_backend_plugin(plugin_id="a")
def plugin(env):
    @env.register_init
    async def init():
        {body}

backend = Backend()
backend.add(plugin)
backend.run()
"""


def start_process(tmp_path: Path, body: str) -> "subprocess.Popen[str]":
    """Starts a program whose only plugin does something."""
    (tmp_path / "main.py").write_text(MAIN.format(body=body))
    return subprocess.Popen(
        [sys.executable, "main.py"], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_process_ends_well(tmp_path: Path) -> None:
    """W112: `run()` ends with exit code 0 after SIGTERM."""
    with start_process(tmp_path, "print('started', flush=True)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


GARBAGE = """
import asyncio, gc
async def look():
    while not gc.get_freeze_count():
        await asyncio.sleep(0.001)
    print(gc.get_threshold()[0] > 10000, flush=True)
looking = asyncio.create_task(look())
""".strip().replace("\n", "\n        ")


def test_a_process_looks_for_garbage_rarely(tmp_path: Path) -> None:
    """W112: `run()` collects garbage rarely, and leaves out what the start has created."""
    with start_process(tmp_path, GARBAGE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_process_that_cannot_start(tmp_path: Path) -> None:
    """W56: `run()` exits with 1 if the start fails, says why, and shows no traceback."""
    with start_process(tmp_path, "raise ValueError('no database')") as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "plugin 'a' failed to start: ValueError: no database" in errors
    assert "Traceback" not in errors
