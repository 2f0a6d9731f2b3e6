"""What the tests of several services share."""

import pytest
from tests.support.not_run import not_run
from tests.support.recording_logger import RecordingLogger

from understage.testing import TestCaches
from understage.testing.caches import cache_server


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of a Redis; tests that need one do not run where there is none."""
    place = cache_server("REDIS")
    if place is None or not TestCaches.create().supports("REDIS"):
        not_run("no Redis answers; name one in UNDERSTAGE_TEST_REDIS_URL")
    return place
