"""A verified request between two backends, of Understage and of Node, alternately, in one run.

    python benchmarks/two_backends.py [--node-modules DIR --node node] [--runs 3] [--seconds 5]

A guest asks a plugin of one backend, which makes a token, by itself or on behalf of the guest, and asks a plugin of the
other backend with it; that one verifies the token and answers. Without the Node options only Understage is measured.
Prints a JSON line per figure: requests a second, and the CPU time that both backends together take for one.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measuring import Candidate, Started, free_port, get_json, guest_token, load, running, tree_cpu_seconds

HERE = Path(__file__).parent
USERS = 1000


@dataclass(frozen=True)
class Way:
    """What is asked for, and by how many users who take turns."""

    name: str
    path: str
    users: int = 1


WAYS = (
    Way("on behalf of one user", "/api/caller/for-user"),
    Way(f"on behalf of {USERS} users", "/api/caller/for-user", USERS),
    Way("on its own behalf", "/api/caller/for-itself"),
)


@dataclass(frozen=True)
class Pair:
    """Two backends of one kind: the caller and the answerer."""

    name: str
    caller: Candidate
    answerer: Candidate

    @contextmanager
    def running(self) -> Iterator[tuple[Started, Started]]:
        with running(self.answerer) as answerer, running(self.caller) as caller:
            yield caller, answerer


def pair(name: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> Pair:
    ports = {"caller": free_port(), "answerer": free_port()}

    def candidate(role: str) -> Candidate:
        own = {
            "BENCHMARK_ROLE": role,
            "BENCHMARK_PORT": str(ports[role]),
            "CALLER_PORT": str(ports["caller"]),
            "ANSWERER_PORT": str(ports["answerer"]),
        }
        return Candidate(
            name,
            [*command, "--config", str(HERE / "two_backends.yaml")],
            ports[role],
            folder,
            {**environment, **own},
        )

    return Pair(name, candidate("caller"), candidate("answerer"))


def measure(one: Pair, way: Way, seconds: int, connections: int) -> tuple[float, float]:
    """Returns requests a second, and milliseconds of CPU that one takes in both backends."""
    with one.running() as backends:
        url = one.caller.url + way.path
        tokens = [guest_token(one.caller.url) for _ in range(way.users)]
        assert get_json(url, tokens[0]) == {"caller": "user" if way.path.endswith("for-user") else "service"}
        load(url, tokens=tokens, seconds=2, connections=connections)
        before = sum(tree_cpu_seconds(started.process.pid) for started in backends)
        result = load(url, tokens=tokens, seconds=seconds, connections=connections)
        used = sum(tree_cpu_seconds(started.process.pid) for started in backends) - before
    if result.failed:
        sys.exit(f"{one.name}: {result.failed} requests to {way.path} failed")
    return result.per_second, used * 1000 / (result.per_second * seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node-modules")
    parser.add_argument("--node", default="node")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=10)
    arguments = parser.parse_args()
    pairs = [pair("understage", [sys.executable, str(HERE / "two_backends_backend.py")], HERE, {})]
    if arguments.node_modules:
        modules = Path(arguments.node_modules)
        environment = {"NODE_ENV": "production", "NODE_MODULES": str(modules)}
        command = [arguments.node, str(HERE / "node/two-backends-backend.cjs")]
        pairs.append(pair("node", command, modules.parent, environment))
    for way in WAYS:
        rates: dict[str, list[float]] = {one.name: [] for one in pairs}
        costs: dict[str, list[float]] = {one.name: [] for one in pairs}
        for _ in range(arguments.runs):
            for one in pairs:
                rate, cost = measure(one, way, arguments.seconds, arguments.connections)
                rates[one.name].append(rate)
                costs[one.name].append(cost)
        report(way.name, rates, costs)


def report(way: str, rates: dict[str, list[float]], costs: dict[str, list[float]]) -> None:
    line: dict[str, object] = {"figure": f"a request between two backends, {way}"}
    for name in rates:
        line[name] = {
            "per_second": round(statistics.median(rates[name])),
            "all": [round(rate) for rate in rates[name]],
            "cpu_ms": round(statistics.median(costs[name]), 3),
        }
    if len(rates) == 2:
        ours, theirs = (statistics.median(values) for values in rates.values())
        our_cost, their_cost = (statistics.median(values) for values in costs.values())
        line["ratio"] = round(ours / theirs, 1)
        line["cpu_ratio"] = round(their_cost / our_cost, 1)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
