"""The side of a supervised process: it tells when it has started, listens, and stops when its supervisor is gone."""

import json
import os
import signal
import socket
import threading
import time
from contextlib import suppress

from understage.defaults.root_health import ReadinessGateService, readiness_gate
from understage.plugin_api import ServiceFactory, create_service_factory
from understage.wiring import Backend

READY = b"r"
_POLL_SECONDS = 0.02


class OtherProcesses:
    """What the supervisor has told of the processes that this one needs. Written by one thread, read by another."""

    def __init__(self) -> None:
        self._missing: list[str] = []

    def hear(self, line: str) -> None:
        """Takes over what the supervisor says.

        Args:
            line: the names of the processes that do not run, as JSON.
        """
        self._missing = json.loads(line)

    def __call__(self) -> str | None:
        """Returns which processes are missing, in words, or None."""
        names = [f"'{name}'" for name in self._missing]
        if not names:
            return None
        return f"The process {names[0]} is not running" if len(names) == 1 else f"Not running: {', '.join(names)}"


def report_to_supervisor(backend: Backend) -> None:
    """Reports over the socket that is standard input, in a thread of its own.

    A supervisor that was killed could not stop its processes, so they stop themselves when the socket closes. As long
    as it says that other processes do not run, the backend is not ready.

    Args:
        backend: the backend that is about to run.
    """
    # A process that the backend runs must not inherit the socket, or it would stay open after the backend's end.
    channel = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a file descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    others = OtherProcesses()
    backend.add(_gate(others))
    threading.Thread(target=_report, args=(backend, channel, others), name="supervisor", daemon=True).start()


def _gate(others: OtherProcesses) -> ServiceFactory[ReadinessGateService]:
    @create_service_factory(service=readiness_gate)
    def factory() -> ReadinessGateService:
        return others

    return factory


def _report(backend: Backend, channel: socket.socket, others: OtherProcesses) -> None:
    while backend.state in ("new", "starting"):
        time.sleep(_POLL_SECONDS)
    with suppress(OSError):
        if backend.state == "started":
            channel.sendall(READY)
        with channel.makefile("r", encoding="utf-8") as said:
            for line in said:
                others.hear(line)
    os.kill(os.getpid(), signal.SIGTERM)
