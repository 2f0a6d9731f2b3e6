"""Measures how fast a backend takes entities in: from process start until all are processed, stitched and indexed.

    python benchmarks/catalog_ingest.py [--entities 10000] [--dialect postgres|sqlite] [--idle 30] [--runs 1]
                                        [--interval 100] [--workers 1] [--keep]

A backend is started on an empty database with the entities in files of 500. Prints a JSON line for each run: seconds
until all is stitched, processor seconds of the backend and of the database server's sessions, memory, and how long the
event loop was kept busy in one go. `--idle N` goes on for N seconds and says what the backend then takes of a core;
with `--interval` short enough, that is the cost of looking at everything again. With `--workers`, several backends
share the work.

Postgres is the server that UNDERSTAGE_TEST_POSTGRES_URL names, by default on this machine; processor times of its
sessions are known only if it is on this machine.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
from catalog_entities import write_files
from measuring import free_port, get_json, tree_memory_mb

from understage.testing.databases import postgres_url

HERE = Path(__file__).parent
PREFIX = "understage_benchmark_"
DATABASE = f"{PREFIX}catalog"
TICKS = os.sysconf("SC_CLK_TCK")
LEFT = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM stitch_queue LIMIT 1) q)
        + (SELECT count(*) FROM (SELECT 1 FROM refresh_state WHERE result_hash IS NULL LIMIT 1) s)
"""
KINDS = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"]


def cpu_seconds(pid: int) -> float:
    """Returns the processor time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Postgres:
    """The catalog's database on a server."""

    async def drop(self) -> None:
        connection = await asyncpg.connect(postgres_url())
        await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await connection.execute(f"DROP DATABASE IF EXISTS {PREFIX}watch WITH (FORCE)")
        await connection.close()

    def config(self, folder: Path) -> dict[str, object]:
        return {"client": "pg", "connection": postgres_url(), "prefix": PREFIX}

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(postgres_url().rpartition("/")[0] + f"/{DATABASE}")
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def cpu(self) -> float:
        rows = await self.fetch(
            f"SELECT pid FROM pg_stat_activity WHERE datname = '{DATABASE}' AND pid != pg_backend_pid()"
        )
        total = 0.0
        for (pid,) in rows:
            with contextlib.suppress(FileNotFoundError):
                total += cpu_seconds(int(str(pid)))
        return total


class Sqlite:
    """The catalog's database in a file."""

    def __init__(self) -> None:
        self._file = Path()

    async def drop(self) -> None:
        if self._file.is_file():
            self._file.unlink()

    def config(self, folder: Path) -> dict[str, object]:
        shutil.rmtree(folder / "data", ignore_errors=True)
        self._file = folder / "data/catalog.sqlite"
        return {"client": "better-sqlite3", "connection": {"directory": str(folder / "data")}}

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    async def cpu(self) -> float:
        return 0.0


Database = Postgres | Sqlite


def write_config(folder: Path, files: list[Path], database: Database, port: int, interval: int) -> Path:
    """Writes the configuration of one backend."""
    config = {
        "app": {"baseUrl": "http://localhost:3000"},
        "backend": {
            "baseUrl": f"http://127.0.0.1:{port}",
            "listen": f"127.0.0.1:{port}",
            "database": database.config(folder),
        },
        "catalog": {
            "rules": [{"allow": KINDS}],
            "processingInterval": {"seconds": interval},
            "locations": [{"type": "file", "target": str(file)} for file in files],
        },
    }
    path = folder / f"app-config-{port}.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML as well
    return path


@contextlib.contextmanager
def backends(configs: list[Path], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Runs a backend for each configuration."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with log.open("wb") as output:
        processes = [
            subprocess.Popen(
                [sys.executable, str(HERE / "catalog_ingest_backend.py"), "--config", str(config)],
                stdout=output,
                stderr=output,
                cwd=config.parent,
                env=environment,
            )
            for config in configs
        ]
        try:
            yield processes
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


async def until_stitched(
    database: Database, wanted: int, processes: list[subprocess.Popen[bytes]], log: Path
) -> dict[str, float]:
    """Waits until all is served; returns when all was discovered, and when all was stitched."""
    begin = time.perf_counter()
    discovered = 0.0
    while True:
        if any(process.poll() is not None for process in processes):
            sys.exit(f"a backend has ended; its log is {log}")
        with contextlib.suppress(asyncpg.PostgresError, sqlite3.Error):
            if not discovered and (await database.fetch("SELECT count(*) FROM refresh_state"))[0][0] == wanted:
                discovered = time.perf_counter() - begin
            if discovered and (await database.fetch(LEFT))[0][0] == 0:
                return {
                    "discovered_s": round(discovered, 2),
                    "stitched_s": round(time.perf_counter() - begin, 2),
                }
        await asyncio.sleep(0.05)


async def run(arguments: argparse.Namespace, folder: Path, files: list[Path]) -> None:
    """Measures one run."""
    database: Database = Postgres() if arguments.dialect == "postgres" else Sqlite()
    await database.drop()
    ports = [free_port() for _ in range(arguments.workers)]
    configs = [write_config(folder, files, database, port, arguments.interval) for port in ports]
    log = folder / "log.txt"
    with backends(configs, log) as processes:
        took = await until_stitched(database, arguments.entities + len(files), processes, log)

        async def spent() -> tuple[float, float]:
            return sum(cpu_seconds(process.pid) for process in processes), await database.cpu()

        backend, server = await spent()
        rows = (await database.fetch("SELECT count(*) FROM search"))[0][0]
        watched = [get_json(f"http://127.0.0.1:{port}/api/watch") for port in ports]
        memory = [round(tree_memory_mb(process.pid)) for process in processes]
        line = {
            "entities": arguments.entities,
            "dialect": arguments.dialect,
            **took,
            "backend_cpu_s": round(backend, 2),
            "database_cpu_s": round(server, 2),
            "memory_mb": memory,
            "search_rows": rows,
            "loop": watched,
        }
        print(json.dumps(line), flush=True)
        if arguments.idle:
            await asyncio.sleep(arguments.idle)
            after = await spent()
            seconds = arguments.idle
            line = {
                "idle_s": seconds,
                "backend_core_percent": round((after[0] - backend) / seconds * 100, 2),
                "database_core_percent": round((after[1] - server) / seconds * 100, 2),
                "memory_mb": [round(tree_memory_mb(process.pid)) for process in processes],
                "loop": [get_json(f"http://127.0.0.1:{port}/api/watch") for port in ports],
            }
            print(json.dumps(line), flush=True)
        problems = [text for text in log.read_text(errors="replace").splitlines() if "error" in text.lower()]
        if problems:
            print(json.dumps({"logged_errors": len(problems), "first": problems[0][:300]}), flush=True)
    if not arguments.keep:
        await database.drop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--dialect", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--interval", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the database as it is in the end")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(folder / "entities", arguments.entities)
        for _ in range(arguments.runs):
            asyncio.run(run(arguments, folder, files))


if __name__ == "__main__":
    main()
