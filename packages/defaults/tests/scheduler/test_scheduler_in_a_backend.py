import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

CONFIG = """
backend:
  baseUrl: http://localhost:7007
  listen: {host: 127.0.0.1, port: 0}
  database: {client: better-sqlite3, connection: {directory: data}}
  cache: {store: redis, connection: 'redis://127.0.0.1:1'}
  auth:
    externalAccess:
      - type: static
        options: {token: very-secret-token, subject: tester}
"""
MAIN = """
import asyncio, sys
from datetime import timedelta
from understage.defaults import create_backend
from understage.plugin_api import AbortSignal, Cache, Logger, PluginRegistrationPoints, Scheduler, create_backend_plugin

@create_backend_plugin(plugin_id="shop")
def shop(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(cache: Cache, logger: Logger, scheduler: Scheduler) -> None:
        loaded = [name for name in ("redis", "pymemcache", "cronsim", "asyncpg") if name in sys.modules]

        async def work(signal: AbortSignal) -> None:
            logger.info("working", loaded=loaded)
            await cache.set("key", 1)
            logger.info("cached", value=await cache.get("key"))
            try:
                await asyncio.sleep(60)
            finally:
                logger.info("stopping", reason=signal.reason)

        await scheduler.schedule_task(id="w", frequency=timedelta(hours=1), timeout=timedelta(hours=1), fn=work)

backend = create_backend()
backend.add(shop)
if __name__ == "__main__":
    backend.run()
"""


class Process:
    """A backend in a process of its own."""

    def __init__(self, folder: Path) -> None:
        (folder / "main.py").write_text(MAIN)
        (folder / "app-config.yaml").write_text(CONFIG)
        self.entries: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "main.py", "--config", "app-config.yaml"],
            cwd=folder,
            env={**os.environ, "NODE_ENV": "production"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, message: str) -> dict[str, Any]:
        """Reads the log up to a message that starts with a text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.entries.append(json.loads(line))
            if self.entries[-1]["message"].startswith(message):
                return self.entries[-1]
        raise AssertionError(f"the log ended without '{message}': {self.entries}")

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=20)
        self.entries += [json.loads(line) for line in output.splitlines()]
        assert self.process.returncode == 0, self.entries


def tasks_of(port: int) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/shop/.backstage/scheduler/v1/tasks",
        headers={"Authorization": "Bearer very-secret-token"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
        return json.loads(response.read())["tasks"]


def test_a_real_backend(tmp_path: Path) -> None:
    """S32, S46, S49: in a real backend a task runs, does without a cache that is out of reach, is listed, is aborted
    when the backend stops, and is done again by the next one. Nothing heavy is imported before it is needed."""
    for _ in range(2):
        started = time.monotonic()
        process = Process(tmp_path)
        try:
            port = int(process.wait_for("Listening on ")["message"].rpartition(":")[2])
            assert process.wait_for("working")["loaded"] == []
            assert process.wait_for("cached")["value"] is None
            assert [(task["taskId"], task["taskState"]["status"]) for task in tasks_of(port)] == [("w", "running")]
        finally:
            process.end()
        messages = [entry["message"] for entry in process.entries]
        outages = [message for message in messages if "cache store redis" in message]
        assert len(outages) == 1
        [stopping] = [entry for entry in process.entries if entry["message"] == "stopping"]
        assert stopping["reason"] == "shutdown"
        assert time.monotonic() - started < 20
