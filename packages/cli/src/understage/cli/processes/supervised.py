"""The side of a supervised process: it tells when it has started, and stops when its supervisor is gone."""

import os
import signal
import socket
import threading
import time

from understage.wiring import Backend

READY = b"r"
_POLL_SECONDS = 0.02


def report_to_supervisor(backend: Backend) -> None:
    """Reports over the socket that is standard input, in a thread of its own.

    A supervisor that was killed could not stop its processes, so they stop themselves when the socket closes.

    Args:
        backend: the backend that is about to run.
    """
    # A process that the backend runs must not inherit the socket, or it would stay open after the backend's end.
    channel = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a file descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_report, args=(backend, channel), name="supervisor", daemon=True).start()


def _report(backend: Backend, channel: socket.socket) -> None:
    while backend.state in ("new", "starting"):
        time.sleep(_POLL_SECONDS)
    try:
        if backend.state == "started":
            channel.sendall(READY)
        gone = not channel.recv(1)
    except OSError:
        gone = True
    if gone:
        os.kill(os.getpid(), signal.SIGTERM)
