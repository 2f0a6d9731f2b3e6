import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from understage.defaults.scheduler.engine import GRACE_SECONDS
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases, postgres_url

TASKS = 60
# The whole minute is for CI, where it mostly sleeps beside other tests.
SECONDS = 60 if os.environ.get("CI", "").lower() == "true" else 14
CHANGE_EVERY_SECONDS = 5 if SECONDS == 60 else 2
TIMEOUT = timedelta(seconds=2)
# A claim lasts somewhat longer than its run may, is looked at each second, and the machine may be busy.
LONGEST_GAP = TIMEOUT + timedelta(seconds=GRACE_SECONDS + 1 + 4)

REPLICA = """
import asyncio, json, random, signal, sys
from datetime import timedelta
from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
from understage.defaults.scheduler.database_store import DatabaseTaskStore
from understage.defaults.scheduler.memory_store import MemoryTaskStore
from understage.defaults.scheduler.scheduler import DefaultScheduler
from understage.testing import mock_services

settings, name, tasks, timeout = json.loads(sys.argv[1])

async def main():
    manager = DatabaseManager(config_from_data({"backend": {"database": settings}}))
    database = manager.for_plugin("shop")
    scheduler = DefaultScheduler(DatabaseTaskStore(database), MemoryTaskStore(), mock_services.logger())
    scheduler.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def note_end(beginning):
        [(run,)] = await beginning
        await database.execute("UPDATE runs SET ended = clock_timestamp() WHERE id = $1", run)

    async def work(task):
        begin = "INSERT INTO runs (task, replica, began) VALUES ($1, $2, clock_timestamp()) RETURNING id"
        # Neither is to be cut short when the replica stops: a row without an end would seem to overlap all that follow.
        beginning = asyncio.ensure_future(database.fetch(begin, task, name))
        try:
            await asyncio.shield(beginning)
            await asyncio.sleep(random.choice([0, 0.1, 0.5, 1.2]))
        finally:
            ending = asyncio.ensure_future(note_end(beginning))
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                await ending
                raise

    for number in range(tasks):
        await scheduler.schedule_task(
            id=f"task-{number}", frequency=timedelta(seconds=1), timeout=timedelta(seconds=timeout),
            fn=lambda task=f"task-{number}": work(task),
        )
    print("ready", flush=True)
    await stop.wait()
    await scheduler.stop()
    await manager.close()

asyncio.run(main())
"""


class Replica:
    """A process that runs the tasks."""

    def __init__(self, settings: dict[str, Any], number: int) -> None:
        self.name = f"replica-{number}"
        arguments = json.dumps([settings, self.name, TASKS, TIMEOUT.total_seconds()])
        self.process = subprocess.Popen(
            [sys.executable, "-c", REPLICA, arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> None:
        assert self.process.stdout is not None
        # On a busy machine it may still be starting, and would be ended by the signal instead of by itself.
        self.process.stdout.readline()
        self.process.terminate()
        _, errors = self.process.communicate(timeout=20)
        assert (self.process.returncode, errors) == (0, "")


async def clock(database: DatabaseService) -> datetime:
    [(now,)] = await database.fetch("SELECT clock_timestamp()")
    time: datetime = now
    return time


@pytest.mark.xdist_group("replicas of tasks")
async def test_replicas_that_are_killed_and_stopped(test_databases: TestDatabases) -> None:
    """S42, S46, S50: of three processes that share sixty tasks a second, one after another is killed or told to stop,
    and replaced. No run overlaps another one of its task, and no task waits longer than a claim lasts."""
    if not await asyncio.to_thread(test_databases.supports, "POSTGRES"):
        pytest.skip("no Postgres answers; name one in UNDERSTAGE_TEST_POSTGRES_URL")
    database = await test_databases.init("POSTGRES")
    await database.execute(
        "CREATE TABLE runs (id serial PRIMARY KEY, task text, replica text, began timestamptz, ended timestamptz)"
    )
    [(name,)] = await database.fetch("SELECT current_database()")
    settings = {"client": "pg", "connection": postgres_url(), "plugin": {"shop": {"connection": {"database": name}}}}
    replicas = [Replica(settings, number) for number in range(3)]
    killed: dict[str, datetime] = {}
    try:
        for change in range(SECONDS // CHANGE_EVERY_SECONDS - 1):
            await asyncio.sleep(CHANGE_EVERY_SECONDS)
            leaving = replicas.pop(random.randrange(len(replicas)))
            if change % 2:
                await asyncio.to_thread(leaving.kill)
                killed[leaving.name] = await clock(database)
            else:
                await asyncio.to_thread(leaving.end)
            replicas.append(Replica(settings, 3 + change))
        await asyncio.sleep(CHANGE_EVERY_SECONDS)
        for replica in replicas:
            await asyncio.to_thread(replica.end)
    finally:
        for replica in replicas:
            if replica.process.poll() is None:
                replica.kill()
    finish = await clock(database)

    runs = await database.fetch("SELECT task, replica, began, ended FROM runs ORDER BY task, began")
    by_task: dict[str, list[tuple[str, datetime, datetime]]] = {}
    for task, replica_name, began, ended in runs:
        by_task.setdefault(task, []).append((replica_name, began, ended or killed[replica_name]))
    assert len(by_task) == TASKS
    endless = {replica_name for _, replica_name, _, ended in runs if ended is None}
    assert endless, "no kill hit a run; the test says nothing"
    assert endless <= killed.keys(), "a replica that was told to stop left runs without an end"
    for task, intervals in by_task.items():
        for (earlier, _, ended), (later, began, _) in pairwise(intervals):
            assert began >= ended, f"{task}: the run of {later} overlaps that of {earlier} by {ended - began}"
        begins = [began for _, began, _ in intervals]
        gaps = [later - earlier for earlier, later in pairwise([*begins, finish])]
        assert max(gaps) < LONGEST_GAP, f"{task} waited for {max(gaps)}"
