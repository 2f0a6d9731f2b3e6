"""Stand-ins for what the auth plugin is handed in."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support.recording_logger import RecordingLogger

from understage.auth.keys import MemoryPublishedKeys, RotatingKeyStore
from understage.auth.tokens import UserTokenIssuer


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_795_249_772.25

    def __call__(self) -> float:
        return self.now


class FakeDiscovery:
    async def get_base_url(self, plugin_id: str) -> str:
        return f"http://127.0.0.1:7007/api/{plugin_id}"

    async def get_external_base_url(self, plugin_id: str) -> str:
        return f"http://localhost:7007/api/{plugin_id}"


class MemoryUsers:
    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    async def save_user_info(self, user_entity_ref: str, user_info: str, *, now: int) -> None:
        self.rows[user_entity_ref] = user_info

    async def find_user_info(self, user_entity_ref: str) -> str | None:
        return self.rows.get(user_entity_ref)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def discovery() -> FakeDiscovery:
    return FakeDiscovery()


@pytest.fixture
def users() -> MemoryUsers:
    return MemoryUsers()


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()


@pytest.fixture
def keys(clock: Clock) -> RotatingKeyStore:
    return RotatingKeyStore(MemoryPublishedKeys(), algorithm="ES256", lifetime=timedelta(hours=1), clock=clock)


@pytest.fixture
def issuer(keys: RotatingKeyStore, discovery: FakeDiscovery, users: MemoryUsers, clock: Clock) -> UserTokenIssuer:
    return UserTokenIssuer(keys, discovery, users, lifetime=timedelta(hours=1), omit_ownership=True, clock=clock)


@pytest.fixture
def make_issuer(keys: RotatingKeyStore, discovery: FakeDiscovery, users: MemoryUsers, clock: Clock) -> Any:
    def make(**options: Any) -> UserTokenIssuer:
        settings = {"lifetime": timedelta(hours=1), "omit_ownership": True, "clock": clock, **options}
        return UserTokenIssuer(settings.pop("keys", keys), discovery, users, **settings)

    return make
