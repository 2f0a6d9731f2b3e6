"""How often tasks run: checks, texts, and times of crontab lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from understage.config import parse_duration
from understage.errors import InputError
from understage.plugin_api import Cron, TaskFrequency

# Times beyond this are of no use, and the database could not hold what comes out of them.
LONGEST = timedelta(days=100 * 365)


def check_frequency(task_id: str, frequency: TaskFrequency, now: datetime) -> None:
    """Checks that a task can run as often as it says.

    Raises:
        InputError: the interval is not positive, or the crontab line cannot be read or never comes.
    """
    if isinstance(frequency, Cron):
        next_tick(frequency.expression, now)
    elif isinstance(frequency, timedelta):
        check_duration(task_id, "frequency", frequency)
    elif frequency != "manual":
        raise InputError(
            f"task '{task_id}' cannot run at the frequency {frequency!r}; give a timedelta, Cron(...) or 'manual'"
        )


def check_duration(task_id: str, what: str, duration: timedelta) -> None:
    """Checks a time span of a task.

    Args:
        task_id: the task, for messages.
        what: what the span is, for messages.
        duration: the span.

    Raises:
        InputError: it is not positive, or too long.
    """
    if not isinstance(duration, timedelta) or not timedelta() < duration <= LONGEST:
        raise InputError(
            f"the {what} of task '{task_id}' is {duration!r}; it must be a timedelta above zero and below a century"
        )


def next_tick(expression: str, after: datetime) -> datetime:
    """Returns when a crontab line comes next.

    Args:
        expression: the line, of five fields, or six with seconds first.
        after: in UTC; the result is later than this.

    Raises:
        InputError: the line cannot be read, or never comes.
    """
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(expression, after))
    except CronSimError as error:
        raise InputError(
            f"the crontab line '{expression}' cannot be read: {error}; expected minute, hour, day of month, month and "
            "day of week, such as '0 3 * * *'"
        ) from error
    except StopIteration:
        raise InputError(f"the crontab line '{expression}' never comes within 50 years") from None


def start_after(frequency: TaskFrequency, scheduled: datetime | None, now: datetime) -> datetime | None:
    """Returns when the next run after a run starts, or None if only a trigger starts it.

    Args:
        frequency: how often the task runs.
        scheduled: when the run before was to start; None if there was none.
        now: the time.
    """
    if isinstance(frequency, Cron):
        # Our notion of the time may lag behind by a little; the same tick must not come twice.
        return next_tick(frequency.expression, now if scheduled is None else max(now, scheduled))
    if isinstance(frequency, timedelta):
        return max(now, (now if scheduled is None else scheduled) + frequency)
    return None


def first_start(frequency: TaskFrequency, initial_delay: timedelta | None, now: datetime) -> datetime | None:
    """Returns when the very first run starts, or None if only a trigger starts it.

    Args:
        frequency: how often the task runs.
        initial_delay: how long to wait before.
        now: the time.
    """
    begin = now + (initial_delay or timedelta())
    return next_tick(frequency.expression, begin) if isinstance(frequency, Cron) else _unless_manual(frequency, begin)


def _unless_manual(frequency: timedelta | Literal["manual"], begin: datetime) -> datetime | None:
    return None if frequency == "manual" else begin


def cadence_text(frequency: TaskFrequency) -> str:
    """Returns a frequency as it is stored and shown: an ISO 8601 duration, a crontab line or `manual`."""
    if isinstance(frequency, Cron):
        return frequency.expression
    return iso_duration(frequency) if isinstance(frequency, timedelta) else "manual"


@lru_cache(maxsize=256)
def frequency_of(cadence: str) -> TaskFrequency:
    """Returns the frequency that a stored text stands for."""
    if cadence == "manual":
        return "manual"
    return parse_duration(cadence) if cadence.startswith("P") else Cron(cadence)


def iso_duration(duration: timedelta) -> str:
    """Returns a duration as ISO 8601 text in days, hours, minutes and seconds, such as `PT1H30M`."""
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{duration.microseconds:06d}".rstrip("0").rstrip(".")
    exact = f"{seconds}{fraction}"
    time = "".join(
        f"{number}{unit}" for number, unit in ((str(hours), "H"), (str(minutes), "M"), (exact, "S")) if number != "0"
    )
    day = f"{duration.days}D" if duration.days else ""
    return f"P{day}T{time}" if time else f"P{day}" if day else "PT0S"
