"""A process that is started again when it ends by itself."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from understage.cli.processes.supervised import READY
from understage.plugin_api import LoggerService

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
# One that ran this long has recovered: its next end is a new misfortune.
STEADY_SECONDS = 60.0


class Child:
    """A process of the backend.

    Args:
        name: the group's name.
        arguments: the arguments of `understage`.
        environment: its environment.
        logger: told when it ends by itself.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], logger: LoggerService
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "understage.cli", *arguments]
        self._environment = dict(environment)
        self._logger = logger
        self._process: asyncio.subprocess.Process | None = None
        self._channel: socket.socket | None = None
        self._missing: list[str] = []
        self._stopping = asyncio.Event()
        self._spawning = asyncio.Lock()

    async def start(self) -> bool:
        """Starts the process and waits until its backend has started; returns False if it ends before that."""
        process = await self._spawn()
        if process is None:
            return False
        ended, ready = asyncio.create_task(process.wait()), asyncio.create_task(self._ready())
        done, unfinished = await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        for task in unfinished:
            task.cancel()
        return ready in done and ready.result()

    def tell_missing(self, names: Sequence[str]) -> None:
        """Tells the process which others it lacks, now and whenever it is started again; it is not ready meanwhile.

        Args:
            names: the names of the processes that do not run.
        """
        self._missing = list(names)
        # One that has just ended is told when it starts again; one that never reads may miss some lines.
        with suppress(OSError):
            if self._channel is not None:
                self._channel.sendall(f"{json.dumps(self._missing)}\n".encode())

    async def keep(self, changed: Callable[[str, bool], None]) -> None:
        """Starts the process again whenever it ends, after ever longer pauses, until it is stopped.

        Args:
            changed: told the name and whether the process runs, when it has ended and when it runs again.
        """
        pause = FIRST_PAUSE_SECONDS
        while self._process is not None:
            begun = time.monotonic()
            code = await self._process.wait()
            if self._stopping.is_set():
                return
            changed(self.name, False)
            if time.monotonic() - begun > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            message = f"The process '{self.name}' ended with {described(code)} and starts again in {pause:g} s"
            self._logger.error(message)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            if self._stopping.is_set():
                return
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            if await self.start():
                changed(self.name, True)
                message = f"The process '{self.name}' runs again"
                self._logger.info(message)

    async def stop(self) -> bool:
        """Asks the process to stop and waits until it has; returns whether it ended well, if it was running."""
        self._stopping.set()
        async with self._spawning:
            process = self._process
        if process is None or process.returncode is not None:
            return True
        with suppress(ProcessLookupError):
            process.terminate()
        code = await process.wait()
        if code:
            message = f"The process '{self.name}' ended with {described(code)}"
            self._logger.error(message)
        return code == 0

    def kill(self) -> None:
        """Ends the process at once, and all that it started."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _spawn(self) -> asyncio.subprocess.Process | None:
        async with self._spawning:
            if self._stopping.is_set():
                return None
            if self._channel is not None:
                self._channel.close()
            self._channel, theirs = socket.socketpair()
            self._channel.setblocking(False)
            with theirs:
                # A session of its own: Ctrl+C reaches only the supervisor, which decides when whom to stop.
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=theirs.fileno(), env=self._environment, start_new_session=True
                )
            if self._missing:
                self.tell_missing(self._missing)
            return self._process

    async def _ready(self) -> bool:
        assert self._channel is not None  # noqa: S101 - made with the process
        try:
            return await asyncio.get_running_loop().sock_recv(self._channel, 1) == READY
        except OSError:
            return False


def described(code: int) -> str:
    """Returns how a process ended, in words.

    Args:
        code: its exit code; below zero the signal that ended it.
    """
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
