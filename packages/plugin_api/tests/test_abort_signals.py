import asyncio

import pytest

from understage.plugin_api import AbortController


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_signal_tells_when_to_stop() -> None:
    """S41: a signal is quiet until its controller aborts it, then it wakes who waits and says why."""
    controller = AbortController()
    signal = controller.signal
    assert (signal.aborted, signal.reason) == (False, None)
    waiting = asyncio.create_task(signal.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    controller.abort("timeout")
    await waiting
    assert (signal.aborted, signal.reason) == (True, "timeout")


async def test_waiting_after_the_fact() -> None:
    """S41: who waits for a signal that was aborted already goes on at once."""
    controller = AbortController()
    controller.abort()
    async with asyncio.timeout(1):
        await controller.signal.wait()


def test_only_the_first_abort_counts() -> None:
    """S41: aborting again changes neither the reason nor calls anybody again."""
    controller, calls = AbortController(), []
    controller.signal.add_callback(lambda: calls.append(controller.signal.reason))
    controller.abort("first")
    controller.abort("second")
    assert (controller.signal.reason, calls) == ("first", ["first"])


def test_callbacks() -> None:
    """S41: callbacks are called once, can be taken back, and are called at once when it is too late to wait."""
    controller, calls = AbortController(), []
    controller.signal.add_callback(lambda: calls.append("kept"))
    forget = controller.signal.add_callback(lambda: calls.append("forgotten"))
    forget()
    forget()
    controller.abort()
    assert calls == ["kept"]
    controller.signal.add_callback(lambda: calls.append("late"))()
    assert calls == ["kept", "late"]
