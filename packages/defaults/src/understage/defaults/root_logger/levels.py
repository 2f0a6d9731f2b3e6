"""Log levels: their names in configuration and how severe they are."""

from typing import Final, Literal

from understage.errors import InputError

# `http`, `verbose` and `silly` are levels that a configuration for Node may name; nothing is written at them here.
LevelName = Literal["none", "error", "warn", "warning", "info", "http", "verbose", "debug", "silly"]

ERROR: Final = 40
WARNING: Final = 30
INFO: Final = 20
DEBUG: Final = 10

SEVERITIES: Final[dict[LevelName, int]] = {
    "none": 100,
    "error": ERROR,
    "warn": WARNING,
    "warning": WARNING,
    "info": INFO,
    "http": 18,
    "verbose": 15,
    "debug": DEBUG,
    "silly": 5,
}


def parse_level(text: str, *, source: str) -> int:
    """Returns how severe an entry must be to be written at a level.

    Args:
        text: a level's name, such as `info`, in any case.
        source: where the name comes from, for the message.

    Raises:
        InputError: there is no such level.
    """
    for name, severity in SEVERITIES.items():
        if name == text.strip().lower():
            return severity
    raise InputError(f"{source}: unknown log level '{text}'; expected one of {', '.join(SEVERITIES)}")


def level_name(severity: int) -> str:
    """Returns the name that entries carry: `error`, `warn`, `info` or `debug`."""
    if severity >= ERROR:
        return "error"
    if severity >= WARNING:
        return "warn"
    return "info" if severity >= INFO else "debug"
