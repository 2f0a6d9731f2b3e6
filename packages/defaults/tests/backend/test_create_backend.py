import asyncio
import json
import logging
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from understage.defaults import create_backend, default_service_factories
from understage.plugin_api import ServiceRef, core_services, create_service_factory
from understage.testing.blocking import detect_blocking_calls_of
from understage.wiring import Backend, BackendStartupError

CONFIG = """
backend:
  baseUrl: http://localhost:7007
  listen: {host: 127.0.0.1, port: 0}
  database: {client: better-sqlite3, connection: ':memory:'}
  auth:
    externalAccess:
      - type: static
        options: {token: very-secret-token, subject: tester}
"""

MAIN = """
import sys
from understage.defaults import create_backend
from understage.plugin_api import (
    Auth, Database, Discovery, HttpAuth, HttpRouter, Logger, PluginRegistrationPoints, RootHttpClient, UserInfoReader,
    create_backend_plugin,
)

@create_backend_plugin(plugin_id="shop")
def shop(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(
        auth: Auth, database: Database, discovery: Discovery, http_auth: HttpAuth, http_router: HttpRouter,
        logger: Logger, client: RootHttpClient, users: UserInfoReader,
    ) -> None:
        async def app(scope, receive, send) -> None:
            if scope["type"] == "http":
                (row,) = await database.fetch("SELECT 41 + 1")
                body = f"{row[0]} {await discovery.get_base_url('shop')}".encode()
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": body})
        http_router.use(app)
        heavy = ("aiohttp", "asyncpg", "cryptography", "joserfc", "rich", "sqlalchemy", "structlog", "pydantic")
        logger.info("ready", heavy=[name for name in heavy if name in sys.modules], token="very-secret-token")

backend = create_backend()
backend.add(shop)
if __name__ == "__main__":
    backend.run()
"""


class Process:
    """A backend in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.entries: list[dict[str, Any]] = []

    async def wait_for(self, text: str) -> dict[str, Any]:
        """Reads the log up to a message that starts with a text."""
        assert self.process.stdout is not None
        while line := await asyncio.wait_for(self.process.stdout.readline(), 20):
            self.entries.append(json.loads(line))
            if self.entries[-1]["message"].startswith(text):
                return self.entries[-1]
        raise AssertionError(f"the log ended without '{text}': {self.entries}")

    async def end(self) -> int:
        """Waits for the end of the process and returns its exit code."""
        assert self.process.stdout is not None
        self.entries += [json.loads(line) for line in (await self.process.stdout.read()).splitlines()]
        return await asyncio.wait_for(self.process.wait(), 20)


@asynccontextmanager
async def run_main(folder: Path, *arguments: str) -> AsyncIterator[Process]:
    (folder / "main.py").write_text(MAIN)
    environment = {key: value for key, value in os.environ.items() if key not in ("LOG_LEVEL", "BACKSTAGE_ENV")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "main.py",
        *arguments,
        cwd=folder,
        env=environment | {"NODE_ENV": "production"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def standard_logging() -> Iterator[None]:
    """Leaves the standard library's logging as it was."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers = handlers


def get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
        return response.status, response.read().decode()


def test_every_core_service_has_a_default() -> None:
    """W28: the default factories provide every core service once, but for those that the backend builds in."""
    provided = [factory.service for factory in default_service_factories]
    assert len(provided) == len(set(provided))
    references = {value for value in vars(core_services).values() if isinstance(value, ServiceRef)}
    assert references - set(provided) == {core_services.plugin_metadata, core_services.root_instance_metadata}


async def test_backends_are_independent() -> None:
    """W29: each call returns a backend of its own, and an added factory replaces a default."""
    assert create_backend() is not create_backend()

    @create_service_factory(service=core_services.root_config)
    def broken() -> Any:
        raise RuntimeError("replaced")

    backend = create_backend()
    assert isinstance(backend, Backend)
    backend.add(broken)
    with pytest.raises(BackendStartupError, match="RuntimeError: replaced"):
        await backend.start()
    await backend.stop()


async def test_a_backend_runs_as_a_process(tmp_path: Path) -> None:
    """C1, D2, S2, S4, S5, W112: main.py takes --config, serves, logs JSON without secrets; SIGTERM ends it with 0."""
    (tmp_path / "portal.yaml").write_text(CONFIG)
    async with run_main(tmp_path, "--config", "portal.yaml") as process:
        listening = await process.wait_for("Listening on")
        base = f"http://127.0.0.1:{listening['message'].rpartition(':')[2]}"
        ready = await process.wait_for("ready")
        assert (ready["plugin"], ready["service"], ready["token"]) == ("shop", "backstage", "***")
        assert ready["heavy"] == []
        await process.wait_for("Started")
        status, body = await asyncio.to_thread(get, f"{base}/.backstage/health/v1/readiness")
        assert (status, json.loads(body)) == (200, {"status": "ok"})
        token = {"Authorization": "Bearer very-secret-token"}
        status, body = await asyncio.to_thread(lambda: get(f"{base}/api/shop/", **token))
        assert (status, body) == (200, f"42 {base}/api/shop")
        process.process.send_signal(signal.SIGTERM)
        assert await process.end() == 0
    assert "very-secret-token" not in json.dumps(process.entries)


@pytest.mark.usefixtures("standard_logging")
async def test_starting_and_stopping_block_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W46, W111: from start to stop, no default service makes a call that blocks the event loop."""
    (tmp_path / "app-config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["main.py"])
    backend = create_backend()
    with detect_blocking_calls_of(["understage"]):
        await backend.start()
        logger = await backend.services.get(core_services.logger, "test")
        try:
            raise ValueError("logged with its traceback")
        except ValueError as error:
            logger.error("failed", error=error)
        assert backend.state == "started"
        await backend.stop()


async def test_a_missing_configuration_ends_the_process(tmp_path: Path) -> None:
    """C1, W56: without app-config.yaml the process says so and exits with code 1."""
    async with run_main(tmp_path) as process:
        assert process.process.stdout is not None
        output = (await asyncio.wait_for(process.process.stdout.read(), 20)).decode()
        assert await process.process.wait() == 1
    assert "app-config.yaml" in output
    assert "Traceback" not in output


async def test_a_bad_discovery_target_stops_the_start(tmp_path: Path) -> None:
    """D7: a target that cannot be used ends the start of every plugin that needs discovery, naming the place."""
    (tmp_path / "app-config.yaml").write_text(
        CONFIG + "discovery:\n  endpoints:\n    - target: http+srv://x\n      plugins: ['*']\n"
    )
    async with run_main(tmp_path) as process:
        assert await process.end() == 1
    assert any(
        "app-config.yaml:12" in entry["message"] + str(entry.get("error")) and "SRV" in str(entry)
        for entry in process.entries
    )
