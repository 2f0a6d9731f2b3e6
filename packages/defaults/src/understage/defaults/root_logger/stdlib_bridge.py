"""Routes the standard library's logging, which most libraries use, into the root logger."""

from __future__ import annotations

import logging

from understage.defaults.root_logger.output import LogOutput


class StdlibBridge(logging.Handler):
    """Hands standard log records to a `LogOutput`, with the name of their logger as the field `logger`.

    Args:
        output: where entries go.
    """

    def __init__(self, output: LogOutput) -> None:
        super().__init__()
        self.output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record; one whose text cannot be formatted is reported the standard library's way."""
        if record.levelno < self.output.threshold:
            return
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - the arguments of a foreign log call may fail in any way
            self.handleError(record)
            return
        metadata: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            metadata["error"] = record.exc_info[1]
        self.output.emit(record.levelno, message, {}, metadata)


def route_stdlib_logging(output: LogOutput) -> None:
    """Sends the whole process's standard logging to an output.

    There is one bridge per process: with several backends in it, the newest one's output gets the records.

    Args:
        output: where entries go from now on.
    """
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, StdlibBridge):
            handler.output = output
            break
    else:
        root.addHandler(StdlibBridge(output))
    root.setLevel(output.threshold)
