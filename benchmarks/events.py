"""Measures the events bus: a backend with the events plugin on Postgres, a publisher and subscribers beside it.

    python benchmarks/events.py [events per second [subscribers [seconds]]]

By default 2000 events per second to three subscribers for ten seconds. Events are published at a steady rate; the
latency of an event runs from when it was due to when a subscriber has it, so that a bus which falls behind cannot hide
it. One JSON line is printed: published and delivered events, latencies in milliseconds, and CPU seconds of the backend
and of this process. Both, Postgres and whatever else runs share the machine: on a busy one look at the CPU seconds.
Postgres is the server at UNDERSTAGE_TEST_POSTGRES_URL, by default on this machine.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import asyncpg
import uvloop
from measuring import Candidate, free_port, running

from understage.defaults.events.bus import Bus
from understage.defaults.events.bus_client import BusClient
from understage.defaults.events.bus_subscription import BusSubscription
from understage.defaults.events.local_bus import Subscriber
from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.plugin_api import Event
from understage.testing import mock_services
from understage.testing.databases import postgres_url

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
SUBSCRIBERS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
PUBLISHERS = 32

CONFIG = """\
backend:
  baseUrl: http://127.0.0.1:{port}
  listen: 127.0.0.1:{port}
  auth:
    externalAccess:
      - type: static
        options: {{token: {token}, subject: benchmark}}
  database: {{client: pg, prefix: {prefix}, connection: '{url}'}}
"""


class Publisher:
    """Publishes over one connection, with as little work as can be, so that it is the bus that is measured."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = (
            f"POST /api/events/bus/v1/events HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: "
        )

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def publish(self, payload: str) -> None:
        body = f'{{"event":{{"topic":"measured","payload":{payload}}},"notifiedSubscribers":[]}}'
        self._writer.write(f"{self._head}{len(body)}\r\n\r\n{body}".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201 "):
            sys.exit(f"the event was not taken: {head.decode()}")
        if b"transfer-encoding: chunked" in head:
            await self._reader.readuntil(b"0\r\n\r\n")


def percentile(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000, 1)


async def publish(port: int, token: str, began: float) -> int:
    count = int(RATE * SECONDS)
    numbers = iter(range(count))

    async def work() -> None:
        async with Publisher(port, token) as publisher:
            for number in numbers:
                due = began + number / RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await publisher.publish(f'{{"due":{due},"number":{number}}}')

    await asyncio.gather(*(work() for _ in range(PUBLISHERS)))
    return count


async def measure(port: int, token: str, pid: int) -> dict[str, Any]:
    auth = mock_services.auth.mock(get_plugin_request_token=lambda **_: token)
    http_client = DefaultRootHttpClient(connections_per_host=0)
    discovery = mock_services.discovery(f"http://127.0.0.1:{port}")
    client = BusClient(auth, discovery, http_client, reading_client=http_client, read_seconds=90)
    lifecycle = mock_services.root_lifecycle()
    bus = Bus("always", lifecycle)
    latencies: list[list[float]] = [[] for _ in range(SUBSCRIBERS)]
    readers = []
    for index in range(SUBSCRIBERS):

        async def hear(event: Event, seen: list[float] = latencies[index]) -> None:
            seen.append(time.perf_counter() - event.payload["due"])

        subscriber = Subscriber(f"benchmark.{index}", hear, mock_services.logger("error"))
        await client.subscribe(subscriber.id, ["measured"])
        readers.append(BusSubscription(subscriber, ["measured"], bus=bus, client=client))
    await lifecycle.startup()
    await asyncio.sleep(0.5)
    cpu, own_cpu = cpu_seconds(pid), time.process_time()
    began = time.perf_counter()
    count = await publish(port, token, began)
    publishing = time.perf_counter() - began
    deadline = time.perf_counter() + 30
    while any(len(seen) < count for seen in latencies) and time.perf_counter() < deadline:  # noqa: ASYNC110 - lists
        await asyncio.sleep(0.05)
    whole = time.perf_counter() - began
    used = cpu_seconds(pid) - cpu
    for reader in readers:
        await reader.stop()
    await http_client.close()
    everything = [latency for seen in latencies for latency in seen]
    return {
        "events_per_second": round(count / publishing),
        "published": count,
        "delivered": [len(seen) for seen in latencies],
        "p50_ms": percentile(everything, 0.5),
        "p95_ms": percentile(everything, 0.95),
        "p99_ms": percentile(everything, 0.99),
        "max_ms": percentile(everything, 1.0),
        "seconds_until_all_were_delivered": round(whole, 2),
        "backend_cpu_seconds": round(used, 2),
        "generator_cpu_seconds": round(time.process_time() - own_cpu, 2),
    }


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def drop(prefix: str) -> None:
    connection = await asyncpg.connect(postgres_url())
    for row in await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix):
        await connection.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')
    await connection.close()


def main() -> None:
    port, token, prefix = free_port(), secrets.token_hex(16), f"understage_benchmark_{secrets.token_hex(4)}_"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "app-config.yaml"
        config.write_text(CONFIG.format(port=port, token=token, prefix=prefix, url=postgres_url()))
        backend = Path(__file__).parent / "events_backend.py"
        command = [sys.executable, str(backend), "--config", str(config)]
        candidate = Candidate("events", command, port, Path(folder), {"NODE_ENV": "production", "LOG_LEVEL": "warn"})
        try:
            with running(candidate) as started:
                print(json.dumps(uvloop.run(measure(port, token, started.process.pid))), flush=True)
        finally:
            asyncio.run(drop(prefix))


if __name__ == "__main__":
    main()
