import asyncio
import io
import sys
from contextlib import redirect_stdout

import pytest

from understage.defaults.root_logger.output import LogOutput
from understage.defaults.root_logger.standard_output import StandardOutput


class Stream(io.BytesIO):
    """Standard output that counts its flushes."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def replaced(monkeypatch: pytest.MonkeyPatch) -> Stream:
    """Puts a stream in place of standard output; not as a fixture, for pytest puts its own back before the test."""
    stream = Stream()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, write_through=True))
    return stream


async def test_lines_of_a_moment_leave_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """S2: on an event loop lines wait for a few milliseconds and leave in order, in one write."""
    stream = replaced(monkeypatch)
    output = StandardOutput()
    output.write(b"one\n")
    output.write(b"two\n")
    assert stream.getvalue() == b""
    await asyncio.sleep(0.05)
    assert stream.getvalue() == b"one\ntwo\n"
    assert stream.flushes == 1


def test_without_a_loop_a_line_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """S2: outside of an event loop nothing waits."""
    stream = replaced(monkeypatch)
    StandardOutput().write(b"one\n")
    assert stream.getvalue() == b"one\n"


async def test_an_error_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """S2: an error, maybe a process's last words, is written at once with what came before it."""
    stream = replaced(monkeypatch)
    output = LogOutput()
    output.emit(20, "before", {}, {})
    assert stream.getvalue() == b""
    output.emit(40, "broken", {}, {})
    assert [b"before" in line or b"broken" in line for line in stream.getvalue().splitlines()] == [True, True]


async def test_many_lines_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """S2: a loop that is kept busy by logging does not fill the memory."""
    stream = replaced(monkeypatch)
    output = StandardOutput()
    for _ in range(2500):
        output.write(b"x\n")
    assert len(stream.getvalue()) == 4000


async def test_a_closed_stream_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: when standard output is gone, logging goes on without effect."""
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    output = StandardOutput()
    output.write(b"one\n")
    output.flush()


async def test_lines_go_where_standard_output_was_when_they_were_taken() -> None:
    """S2: what was redirected while it was logged does not come out elsewhere, however late it is written."""
    output = StandardOutput()
    redirected, restored = io.StringIO(), io.StringIO()
    with redirect_stdout(redirected):
        output.write(b"early\n")
    with redirect_stdout(restored):
        output.flush()
        output.write(b"late\n")
        output.flush()
    assert redirected.getvalue() == "early\n"
    assert restored.getvalue() == "late\n"
