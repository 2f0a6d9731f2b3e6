"""Hosts that want no requests for a while."""

from email.utils import formatdate

import pytest

from understage.defaults.url_reader.back_off import HostBackOff
from understage.errors import ServiceUnavailableError

NOW = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (429, {}, 2),
        (429, {"retry-after": "7"}, 7),
        (403, {"retry-after": "60"}, 60),
        (503, {"retry-after": formatdate(NOW + 90, usegmt=True)}, 90),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 120)}, 120),
        (429, {"ratelimit-remaining": "0", "ratelimit-reset": "15"}, 15),
        (429, {"retry-after": "999999"}, 3600),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 30)}, 30),
        (403, {}, None),
        (403, {"x-ratelimit-remaining": "5", "x-ratelimit-reset": str(int(NOW) + 30)}, None),
        (503, {}, None),
        (503, {"retry-after": "soon"}, None),
        (200, {"x-ratelimit-remaining": "1", "x-ratelimit-reset": str(int(NOW) + 30)}, None),
    ],
)
def test_pauses(clock: Clock, status: int, headers: dict[str, str], pause: float | None) -> None:
    """A host is left alone for as long as its answer asks, by Retry-After or the time at which its limit is reset."""
    back_off = HostBackOff(clock)
    error = back_off.observe("a", status, headers)
    assert (error is not None) == (pause is not None and status >= 400)
    back_off.check("b")
    if pause is None:
        back_off.check("a")
        return
    with pytest.raises(ServiceUnavailableError) as caught:
        back_off.check("a")
    assert caught.value.retry_after == pytest.approx(pause)
    clock.now += pause
    back_off.check("a")


def test_pauses_grow(clock: Clock) -> None:
    """Without a time in the answer pauses double up to five minutes, and begin anew after a good answer."""
    back_off = HostBackOff(clock)
    pauses = [getattr(back_off.observe("a", 429, {}), "retry_after", None) for _ in range(10)]
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    back_off.observe("a", 200, {})
    assert getattr(back_off.observe("a", 429, {}), "retry_after", None) == 2


def test_old_hosts_are_forgotten(clock: Clock) -> None:
    """However many hosts refuse, only those that are still waited for are remembered."""
    back_off = HostBackOff(clock)
    for number in range(3000):
        back_off.observe(f"host{number}", 429, {"retry-after": "1"})
        clock.now += 2
    assert len(back_off._until) <= 1000
    assert len(back_off._refusals) <= 1001


@pytest.mark.parametrize("pause", ["7", "3600"])
def test_the_clock_was_set_back(clock: Clock, pause: str) -> None:
    """After the clock was set back by a day no host is left alone for that day, and a new pause is as long as asked."""
    back_off = HostBackOff(clock)
    back_off.observe("a", 429, {"retry-after": pause})
    clock.now -= 86_400
    back_off.check("a")
    back_off.observe("a", 429, {"retry-after": "5"})
    with pytest.raises(ServiceUnavailableError) as caught:
        back_off.check("a")
    assert caught.value.retry_after == pytest.approx(5)
