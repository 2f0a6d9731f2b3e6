import asyncio
import sys
import threading
from typing import TYPE_CHECKING

from understage.wiring.stop.process_handlers import ProcessHandlers

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


async def raise_in_a_callback(error: Exception) -> None:
    """Makes a callback of the event loop raise."""

    def callback() -> None:
        raise error

    asyncio.get_running_loop().call_soon(callback)
    await asyncio.sleep(0)


def raise_in_a_thread(error: Exception) -> None:
    """Makes a thread end with an exception."""

    def body() -> None:
        raise error

    thread = threading.Thread(target=body, name="worker")
    thread.start()
    thread.join()


async def test_uncaught_exceptions_are_logged(world: "World") -> None:
    """W45: exceptions that nobody caught, of callbacks, threads and the process, are logged instead of crashing it."""
    backend = world.backend(world.plugin("a"), process_handlers=True)
    await backend.start()
    first, second, third = ValueError("callback"), ValueError("thread"), ValueError("process")
    await raise_in_a_callback(first)
    raise_in_a_thread(second)
    sys.excepthook(ValueError, third, None)
    await backend.stop()
    logged = [
        (metadata["type"], metadata.get("error")) for level, _, metadata in world.logger.entries if level == "error"
    ]
    assert logged == [("unhandledRejection", first), ("uncaughtException", second), ("uncaughtException", third)]


async def test_each_backend_logs_each_error(world: "World") -> None:
    """W45: with several backends in a process each one logs each error."""
    backends = [world.backend(world.plugin("a"), process_handlers=True) for _ in range(2)]
    for backend in backends:
        await backend.start()
    await raise_in_a_callback(ValueError("callback"))
    assert len(world.logger.messages("error")) == 2
    await backends[0].stop()
    await raise_in_a_callback(ValueError("callback"))
    assert len(world.logger.messages("error")) == 3


async def test_handlers_are_removed_at_the_end_of_the_stop(world: "World") -> None:
    """W45, W111: after the stop of the last backend the process behaves as before."""
    before = (sys.excepthook, threading.excepthook, asyncio.get_running_loop().get_exception_handler())
    during: list[bool] = []

    async def note() -> None:
        during.append(sys.excepthook is not before[0])

    world.hooks["root shutdown"] = note
    backend = world.backend(world.plugin("a"), process_handlers=True)
    await backend.start()
    assert sys.excepthook is not before[0]
    assert threading.excepthook is not before[1]
    await backend.stop()
    assert during == [True]
    assert (sys.excepthook, threading.excepthook, asyncio.get_running_loop().get_exception_handler()) == before


async def test_tests_have_no_handlers(world: "World") -> None:
    """W45: without process handlers, as in tests, nothing of the process is touched."""
    before = (sys.excepthook, threading.excepthook)
    await world.backend(world.plugin("a"), process_handlers=False).start()
    assert (sys.excepthook, threading.excepthook) == before


async def test_an_error_without_an_exception_is_logged_too(world: "World") -> None:
    """W45: what the event loop reports without an exception is logged as well; removing twice does no harm."""
    handlers = ProcessHandlers(world.logger)
    handlers.install()
    asyncio.get_running_loop().call_exception_handler({"message": "something odd"})
    handlers.remove()
    handlers.remove()
    assert world.logger.entries == [("error", "something odd", {"type": "unhandledRejection"})]
