"""What scheduled tasks cost while nothing is due: CPU of the process, and statements in the database.

    python benchmarks/scheduler.py [--tasks 10000] [--seconds 20]

Prints a line of JSON for each scope and dialect: milliseconds that scheduling a task takes, the first time and again,
percent of a core in use while the tasks wait, statements a second, and how late a triggered task begins. Postgres is
measured where a server answers at UNDERSTAGE_TEST_POSTGRES_URL, by default on this machine.
"""

import argparse
import asyncio
import json
import time
from datetime import timedelta
from typing import Any

from understage.defaults.scheduler.database_store import DatabaseTaskStore
from understage.defaults.scheduler.memory_store import MemoryTaskStore
from understage.defaults.scheduler.scheduler import DefaultScheduler
from understage.plugin_api import TaskScope
from understage.testing import TestDatabases, mock_services

HOUR = timedelta(hours=1)


class Counting:
    """A database that counts its statements."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("fetch", "fetch_row", "execute", "execute_many"):
            self.statements += 1
        return getattr(self._database, name)


async def measure(label: str, database: Any, scope: TaskScope, tasks: int, seconds: float) -> None:
    counting = Counting(database)
    scheduler = DefaultScheduler(DatabaseTaskStore(counting), MemoryTaskStore(), mock_services.logger())
    scheduler.start()
    ran = asyncio.Event()

    async def work() -> None:
        ran.set()

    async def schedule_all() -> float:
        begin = time.perf_counter()
        for number in range(tasks):
            await scheduler.schedule_task(
                id=f"task-{number}", frequency=HOUR, timeout=HOUR, fn=work, initial_delay=HOUR, scope=scope
            )
        return (time.perf_counter() - begin) / tasks

    scheduling, again = await schedule_all(), await schedule_all()
    await asyncio.sleep(1)
    before, cpu, begin = counting.statements, time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - begin
    used, statements = time.process_time() - cpu, counting.statements - before
    begin = time.perf_counter()
    await scheduler.trigger_task(f"task-{tasks // 2}")
    await ran.wait()
    late = time.perf_counter() - begin
    await scheduler.stop()
    line = {
        "tasks": tasks,
        "scope": scope,
        "dialect": label,
        "schedule_ms": round(scheduling * 1000, 3),
        "schedule_again_ms": round(again * 1000, 3),
        "idle_core_percent": round(used / elapsed * 100, 3),
        "statements_per_second": round(statements / elapsed, 2),
        "trigger_ms": round(late * 1000, 1),
    }
    print(json.dumps(line), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    databases = TestDatabases.create()
    for label in databases.supported_ids():
        await measure(label.lower(), await databases.init(label), "global", options.tasks, options.seconds)
    await measure("none", await databases.init("SQLITE"), "local", options.tasks, options.seconds)
    await databases.close()


asyncio.run(main())
