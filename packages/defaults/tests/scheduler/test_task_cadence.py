from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import parse_duration
from understage.defaults.scheduler.cadence import (
    LONGEST,
    cadence_text,
    check_duration,
    check_frequency,
    first_start,
    frequency_of,
    iso_duration,
    next_tick,
    start_after,
)
from understage.errors import InputError
from understage.plugin_api import Cron, TaskFrequency

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have none
SPANS = st.timedeltas(timedelta(microseconds=1), LONGEST)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=30), "PT30S"),
        (timedelta(seconds=1.5), "PT1.5S"),
        (timedelta(minutes=5), "PT5M"),
        (timedelta(minutes=90), "PT1H30M"),
        (timedelta(days=1), "P1D"),
        (timedelta(weeks=1, hours=25), "P8DT1H"),
        (timedelta(milliseconds=1), "PT0.001S"),
        (timedelta(), "PT0S"),
    ],
)
def test_iso_duration(span: timedelta, text: str) -> None:
    """S49: durations are shown as ISO 8601 text.

    deviation: a duration has one text, in days, hours, minutes and seconds, however its author wrote it.
    """
    assert iso_duration(span) == text


@given(SPANS)
def test_iso_durations_mean_the_same(span: timedelta) -> None:
    """S49: the text of a duration reads back as the same duration."""
    assert abs(parse_duration(iso_duration(span)) - span) < timedelta(microseconds=100)


@pytest.mark.parametrize("frequency", [timedelta(seconds=30), Cron("*/5 * * * *"), "manual"])
def test_cadence_reads_back(frequency: TaskFrequency) -> None:
    """S49: the stored text of a frequency says which kind it is."""
    assert frequency_of(cadence_text(frequency)) == frequency


@pytest.mark.parametrize(
    ("expression", "tick"),
    [
        ("0 3 * * *", datetime(2026, 3, 2, 3, tzinfo=UTC)),
        ("*/5 * * * *", NOON + timedelta(minutes=5)),
        ("*/2 * * * * *", NOON + timedelta(seconds=2)),
        ("0 12 * * *", NOON + timedelta(days=1)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("0 0 * * MON", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_crontab_lines(expression: str, tick: datetime) -> None:
    """S41: a crontab line has five fields, or six with seconds; it counts in UTC and comes later than now."""
    assert next_tick(expression, NOON) == tick


@pytest.mark.parametrize("expression", ["nope", "", "61 * * * *", "* * * *", "0 0 30 2 *"])
def test_unusable_crontab_lines(expression: str) -> None:
    """S41: a crontab line that cannot be read, or never comes, is refused and shown."""
    with pytest.raises(
        InputError, match=rf"^the crontab line '{expression}' (cannot be read|never comes)".replace("*", r"\*")
    ):
        check_frequency("t", Cron(expression), NOON)


@pytest.mark.parametrize("frequency", [timedelta(), timedelta(seconds=-1), timedelta.max, 5, "5m", None])
def test_unusable_frequencies(frequency: Any) -> None:
    """S41: a frequency is a positive interval, a crontab line or manual."""
    with pytest.raises(InputError, match=r"task 't'"):
        check_frequency("t", frequency, NOON)


@pytest.mark.parametrize("span", [timedelta(), timedelta(seconds=-1), timedelta.max, 5, "5m"])
def test_unusable_timeouts(span: Any) -> None:
    """S41: a timeout is a positive timedelta."""
    with pytest.raises(InputError, match=r"the timeout of task 't' is "):
        check_duration("t", "timeout", span)


def test_first_start() -> None:
    """S43: the first run is after the delay, else at once for intervals, at the next tick of a crontab line, never for
    manual ones."""
    assert first_start(HOUR, None, NOON) == NOON
    assert first_start(HOUR, timedelta(minutes=1), NOON) == NOON + timedelta(minutes=1)
    assert first_start(Cron("0 * * * *"), None, NOON) == NOON + HOUR
    assert first_start(Cron("0 * * * *"), HOUR, NOON) == NOON + 2 * HOUR
    assert first_start("manual", None, NOON) is None


def test_start_after() -> None:
    """S44: the next start is the previous one and the interval, but not before now; the next tick; or none."""
    assert start_after(HOUR, NOON, NOON + timedelta(minutes=5)) == NOON + HOUR
    assert start_after(HOUR, NOON, NOON + 5 * HOUR) == NOON + 5 * HOUR
    assert start_after(HOUR, None, NOON) == NOON + HOUR
    assert start_after(Cron("30 * * * *"), NOON, NOON) == NOON + HOUR / 2
    assert start_after("manual", NOON, NOON) is None


@given(TIMES, TIMES, SPANS.filter(lambda span: span < timedelta(days=400)))
def test_intervals_keep_their_phase(scheduled: datetime, now: datetime, interval: timedelta) -> None:
    """S44: an interval never starts in the past, and exactly an interval later if it can."""
    start = start_after(interval, scheduled, now)
    assert start is not None
    assert start >= now
    assert start == now or start - scheduled == interval


@given(TIMES, st.sampled_from(["*/5 * * * *", "0 3 * * *", "15 2,14 * * MON-FRI", "*/7 * * * * *"]))
def test_a_tick_comes_once(now: datetime, line: str) -> None:
    """S44: a run that ends before its own tick, by a clock that lags, does not make the tick come again."""
    tick = next_tick(line, now)
    again = start_after(Cron(line), tick, tick - timedelta(milliseconds=5))
    assert again is not None
    assert again > tick
