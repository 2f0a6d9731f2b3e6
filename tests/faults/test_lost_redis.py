"""Redis, which keeps caches and counts requests, goes away and comes back under load."""

import asyncio
import json
from collections.abc import Iterator

import httpx2
import pytest
from tests.faults.asking import asking
from tests.faults.conftest import Installation
from tests.support.processes import BackendProcess
from tests.support.redis_server import RedisServer, own_redis

STORES = ("The cache store redis at ***", "The store of rate limits")
AWAY_SECONDS = 2.5
LONGEST_ANSWER_SECONDS = 5
CONFIG = """\
backend:
  cache: {{store: redis, connection: '{url}'}}
  rateLimit:
    incomingRequestLimit: 1000000
    ipAllowList: []
    passOnStoreError: true
    store: {{type: redis, connection: '{url}'}}
"""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of our own."""
    with own_redis() as running:
        yield running


def told(backend: BackendProcess, text: str) -> int:
    """Returns in how many log lines a text stands."""
    lines = [json.loads(line) for line in backend.log.read_text().splitlines() if line.startswith("{")]
    return sum(text in line["message"] for line in lines)


async def test_requests_are_answered_without_it(sqlite: Installation, server: RedisServer) -> None:
    """S32, H80: while Redis is gone each request is answered by 200, uncached and uncounted; the log tells of the
    outage once for the cache and once for the limit, and so of its end; then values are cached again."""
    (sqlite.folder / "app-config.local.yaml").write_text(CONFIG.format(url=server.url))
    with sqlite.running() as backend:
        async with httpx2.AsyncClient(base_url=backend.url, timeout=20) as client:
            async with asking(client, ["/api/slow/cached"]) as answers:
                await until_more_hits(client, 0)
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(AWAY_SECONDS)
                during = await hits(client)
                await asyncio.to_thread(server.start)
                for store in STORES:
                    await until_told(backend, f"{store} can be used again")
                await until_more_hits(client, during)
            assert answers.wrong == []
            assert set(answers.statuses) == {200}
            assert answers.slowest < LONGEST_ANSWER_SECONDS, answers
        assert backend.process.poll() is None
    assert backend.process.returncode == 0
    for store in STORES:
        assert told(backend, f"{store} cannot be used") == told(backend, f"{store} can be used again") == 1


async def hits(client: httpx2.AsyncClient) -> int:
    """Returns how many requests found what an earlier one had cached."""
    return int((await client.get("/api/slow/hits")).text)


async def until_more_hits(client: httpx2.AsyncClient, than: int) -> None:
    for _ in range(200):
        if await hits(client) > than:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing is cached")


async def until_told(backend: BackendProcess, text: str) -> None:
    for _ in range(200):
        if told(backend, text):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the log does not say '{text}':\n{backend.log.read_text()[-5000:]}")
