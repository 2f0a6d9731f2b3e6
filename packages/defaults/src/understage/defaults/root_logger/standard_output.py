"""Standard output for log lines: those of a few milliseconds leave in one write."""

from __future__ import annotations

import asyncio
import atexit
import sys
from typing import BinaryIO, TextIO

_DELAY_SECONDS = 0.005
_MAX_LINES = 1000


class StandardOutput:
    """Writes lines to standard output, whatever stands there when they are taken.

    On an event loop lines are collected for 5 ms, because a write for each costs more than making the line; elsewhere
    they are written at once.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._target: TextIO = sys.stdout
        atexit.register(self.flush)

    def write(self, line: bytes) -> None:
        """Takes a finished line."""
        if sys.stdout is not self._target:
            self.flush()
            self._target = sys.stdout
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._lines.append(line)
            self.flush()
            return
        lines = self._lines
        lines.append(line)
        if len(lines) == 1:
            loop.call_later(_DELAY_SECONDS, self.flush)
        elif len(lines) >= _MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Writes what was collected."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        text = b"".join(lines)
        stream: BinaryIO | None = getattr(self._target, "buffer", None)
        try:
            if stream is None:
                self._target.write(text.decode())
            else:
                stream.write(text)
                stream.flush()
        except (OSError, ValueError):
            # A closed pipe or stream: there is nowhere to complain, and the work that is being logged must go on.
            return
