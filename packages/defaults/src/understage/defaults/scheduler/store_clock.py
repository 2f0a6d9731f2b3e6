"""The store's time between two looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

JUMP = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Look:
    now: datetime
    asked_at: float
    answered_at: float


class StoreClock:
    """Carries the store's time on by a clock that only goes forward, and notices when the store's own clock jumps.

    Args:
        monotonic: a clock in seconds since any moment.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._last: _Look | None = None

    @property
    def known(self) -> bool:
        """Whether the store's time was seen yet."""
        return self._last is not None

    def now(self) -> datetime:
        """Returns what the store's clock shows now, or a little less; it must be known."""
        assert self._last is not None  # noqa: S101 - whoever asks has seen it
        return self._last.now + timedelta(seconds=self.monotonic() - self._last.answered_at)

    def set(self, now: datetime, asked_at: float) -> timedelta:
        """Takes over the store's time and returns how far it has jumped, which is zero for less than two seconds.

        Args:
            now: what the store's clock showed.
            asked_at: when it was asked, on our own clock: a slow answer is no jump.
        """
        last, self._last = self._last, _Look(now, asked_at, self.monotonic())
        if last is None:
            return timedelta()
        earliest = last.now + timedelta(seconds=asked_at - last.answered_at)
        latest = last.now + timedelta(seconds=self._last.answered_at - last.asked_at)
        jump = max(now - latest, timedelta()) + min(now - earliest, timedelta())
        return jump if abs(jump) > JUMP else timedelta()
