from datetime import timedelta
from typing import Any

import pytest

from understage.config import ConfigError, config_from_data
from understage.plugin_api import Cron, TaskSchedule, read_task_schedule_from_config


def read(section: Any) -> TaskSchedule:
    config = config_from_data({"feeds": {"schedule": section}}, name="app-config.yaml")
    return read_task_schedule_from_config(config.get_config("feeds.schedule"))


@pytest.mark.parametrize(
    ("written", "frequency"),
    [
        ({"minutes": 10}, timedelta(minutes=10)),
        ("10m", timedelta(minutes=10)),
        ("PT10M", timedelta(minutes=10)),
        ({"cron": "0 3 * * *"}, Cron("0 3 * * *")),
        ({"trigger": "manual"}, "manual"),
    ],
)
def test_frequencies(written: Any, frequency: Any) -> None:
    """S41: a schedule's frequency is written as a duration, a crontab line or a manual trigger."""
    assert read({"frequency": written, "timeout": "5m"}) == TaskSchedule(frequency, timedelta(minutes=5))


def test_all_parts() -> None:
    """S41: initial delay and scope are read, too."""
    written = {"frequency": "1h", "timeout": {"minutes": 5}, "initialDelay": {"seconds": 30}, "scope": "local"}
    assert read(written) == TaskSchedule(timedelta(hours=1), timedelta(minutes=5), timedelta(seconds=30), "local")
    assert read({"frequency": "1h", "timeout": "5m", "scope": "global"}).scope == "global"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frequency": None}, r"feeds\.schedule\.frequency: required value is null"),
        ({"frequency": "often"}, r"feeds\.schedule\.frequency: .*not a duration"),
        ({"frequency": {"cron": 5}}, r"feeds\.schedule\.frequency\.cron: expected a string"),
        (
            {"frequency": {"trigger": "sometimes"}},
            r"app-config\.yaml: frequency\.trigger: the only trigger is 'manual'",
        ),
        ({"timeout": None}, r"feeds\.schedule\.timeout: required value is null"),
        ({"initialDelay": 5}, r"feeds\.schedule\.initialDelay: "),
        ({"scope": "world"}, r"app-config\.yaml: scope: expected 'global' or 'local', got 'world'"),
    ],
)
def test_unusable_parts(changes: dict[str, Any], message: str) -> None:
    """S41: a part that is missing or cannot be used is an error that names file and key."""
    with pytest.raises(ConfigError, match=message):
        read({"frequency": "1h", "timeout": "5m", **changes})
