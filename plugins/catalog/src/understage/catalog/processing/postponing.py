"""Tells what a host asked for, when it wants to be asked later, from errors of what was read."""

from __future__ import annotations

from understage.errors import ServiceUnavailableError

LONGEST_CHAIN = 10


def postponed_by(error: BaseException) -> ServiceUnavailableError | None:
    """Returns the error that tells when to try again, if it is one or was caused by one.

    Args:
        error: what went wrong.
    """
    current: BaseException | None = error
    for _ in range(LONGEST_CHAIN):
        if current is None:
            return None
        if isinstance(current, ServiceUnavailableError) and current.retry_after is not None:
            return current
        current = current.__cause__
    return None
