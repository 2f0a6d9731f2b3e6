"""Has several backends share the work on one Postgres for minutes, while files change and backends are killed.

    python benchmarks/catalog_workers.py [--workers 3] [--seconds 240] [--entities 3000] [--kill-every 40]

Every second or so a file changes: entities change, vanish, come back, or move to another file, so that names change
hands. Every now and then a backend is killed with SIGKILL and started again. In the end everything must be as the files
say. Prints a JSON line: how much was changed and killed, how many deadlocks Postgres has broken, how long it took from
the last change until all was right, and what the backends logged as warnings and errors, by message.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
from catalog_entities import entities
from catalog_ingest import DATABASE, HERE, Postgres, write_config
from measuring import free_port

FILES = 10
SETTLE_SECONDS = 120
PROCESSING_SECONDS = 5
NAME = re.compile(r"\S*[:/]\S+")


class Files:
    """Files of entities, and what the catalog should make of them."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir()
        self.paths = [folder / f"entities-{number}.yaml" for number in range(FILES)]
        self.changes: Counter[str] = Counter()
        self._chance = random.Random(1)
        self._held: list[dict[str, dict[str, object]]] = [{} for _ in self.paths]
        self._gone: dict[str, dict[str, object]] = {}
        for number, entity in enumerate(entities(count)):
            self._held[number % FILES][ref_of(entity)] = entity
        for place in range(FILES):
            self._write(place)

    def expected(self) -> dict[str, str]:
        """Returns the version of each entity."""
        return {ref: version_of(entity) for held in self._held for ref, entity in held.items()}

    def change(self) -> None:
        """Changes some entities of a file in one of four ways."""
        place, other = self._chance.sample(range(FILES), 2)
        refs = self._chance.sample(sorted(self._held[place]), min(20, len(self._held[place])))
        way = self._chance.choice(("edit", "edit", "remove", "return", "move", "move"))
        self.changes[way] += 1
        if way == "edit":
            for ref in refs:
                labels = self._held[place][ref]["metadata"]["labels"]  # type: ignore[index]
                labels["version"] = str(int(labels.get("version", "0")) + 1)
            self._write(place)
        elif way == "remove":
            self._gone |= {ref: self._held[place].pop(ref) for ref in refs}
            self._write(place)
        elif way == "return":
            self._held[place] |= self._gone
            self._gone = {}
            self._write(place)
        else:
            self._held[other] |= {ref: self._held[place].pop(ref) for ref in refs}
            # For a moment the entities are in both files, or in none.
            for one in self._chance.sample((place, other), 2):
                self._write(one)
                time.sleep(self._chance.choice((0, 0.2)))

    def _write(self, place: int) -> None:
        documents = [msgspec.yaml.encode(entity).decode() for entity in self._held[place].values()]
        path = self.paths[place]
        new = path.with_suffix(".new")
        new.write_text("---\n".join(documents))
        new.replace(path)


def ref_of(entity: dict[str, object]) -> str:
    """Returns the reference by which the catalog knows an entity."""
    return f"{entity['kind']}:default/{entity['metadata']['name']}".lower()  # type: ignore[index]


def version_of(entity: dict[str, object]) -> str:
    """Returns how often an entity was edited."""
    version: str = entity["metadata"]["labels"].get("version", "0")  # type: ignore[index]
    return version


class Workers:
    """Backends on one database."""

    def __init__(self, configs: list[Path], log: Path) -> None:
        self.kills = 0
        self._configs = configs
        self._log = log.open("ab")
        self._processes = [self._start(config) for config in configs]

    def kill(self) -> None:
        """Kills one, the next each time, and starts it again."""
        place = self.kills % len(self._processes)
        self._processes[place].kill()
        self._processes[place].wait()
        self._processes[place] = self._start(self._configs[place])
        self.kills += 1

    def check(self) -> None:
        """Ends the measurement if a backend has ended by itself."""
        if any(process.poll() is not None for process in self._processes):
            sys.exit(f"a backend has ended; its log is {self._log.name}")

    def stop(self) -> None:
        """Ends all."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)
        self._log.close()

    def _start(self, config: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(HERE / "catalog_ingest_backend.py"), "--config", str(config)]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=config.parent)


async def served(database: Postgres) -> dict[str, str]:
    """Returns the versions of the entities that are served, without the locations of the files."""
    rows = await database.fetch("SELECT entity_ref, final_entity FROM final_entities WHERE kind != 'location'")
    return {str(ref): version_of(msgspec.json.decode(str(text))) for ref, text in rows}


async def until_right(database: Postgres, files: Files, workers: Workers) -> float:
    """Waits until what is served is what the files hold; returns the seconds."""
    begin = time.perf_counter()
    while await served(database) != (expected := files.expected()):
        workers.check()
        if time.perf_counter() - begin > SETTLE_SECONDS:
            wrong = set((await served(database)).items()) ^ set(expected.items())
            sys.exit(f"not as the files say after {SETTLE_SECONDS} s: {sorted(wrong)[:10]}")
        await asyncio.sleep(0.5)
    return time.perf_counter() - begin


def logged(log: Path) -> dict[str, int]:
    """Returns how often which warning or error was logged."""
    found: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("level") in ("warn", "error"):
                # Without the names in it, so that what is said of many entities is counted once.
                found[f"{entry['level']}: {NAME.sub('...', str(entry['message']))[:100]}"] += 1
    return dict(found.most_common(10))


async def run(arguments: argparse.Namespace, folder: Path) -> None:
    """Changes files and kills backends for a while, and sees whether everything is right in the end."""
    database = Postgres()
    await database.drop()
    files = Files(folder / "entities", arguments.entities)
    ports = [free_port() for _ in range(arguments.workers)]
    configs = [write_config(folder, files.paths, database, port, PROCESSING_SECONDS) for port in ports]
    log = folder / "log.txt"
    workers = Workers(configs, log)
    try:
        while True:
            with contextlib.suppress(Exception):
                await served(database)
                break
            await asyncio.sleep(0.2)
        begin = last_kill = time.perf_counter()
        while time.perf_counter() - begin < arguments.seconds:
            await asyncio.to_thread(files.change)
            if time.perf_counter() - last_kill > arguments.kill_every:
                last_kill = time.perf_counter()
                await asyncio.to_thread(workers.kill)
            workers.check()
            await asyncio.sleep(random.uniform(0.3, 1.5))
        settled = await until_right(database, files, workers)
        rows = await database.fetch(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{DATABASE}'")
    finally:
        workers.stop()
    line = {
        "seconds": arguments.seconds,
        "workers": arguments.workers,
        "changes": dict(files.changes),
        "kills": workers.kills,
        "deadlocks": rows[0][0],
        "right_after_s": round(settled, 1),
        "logged": logged(log),
    }
    print(json.dumps(line), flush=True)
    await database.drop()


def main() -> None:
    """Reads the arguments and runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--entities", type=int, default=3000)
    parser.add_argument("--kill-every", type=float, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(arguments, Path(name)))


if __name__ == "__main__":
    main()
