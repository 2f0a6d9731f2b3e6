"""Cold start, memory and requests per second of Understage and of a Node backend, alternately, in one run.

    python benchmarks/side_by_side.py [--node-command 'COMMAND' --node-port 7007] [--node-modules DIR --node node]
                                      [--runs 5] [--seconds 5]

Without the Node options only Understage is measured. `--node-command` starts a stock Node backend (create-app,
production bundle, database on this machine) in the foreground; `--node-modules` is a node_modules folder with the
official packages, for the trivial backend.
Prints a JSON line per figure: medians over the runs, and the ratio where both were measured.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import READINESS, Candidate, free_port, guest_token, load, running, tree_memory_mb

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples/backend"


def candidates(arguments: argparse.Namespace) -> tuple[list[Candidate], list[Candidate]]:
    """Returns the example backends and the trivial backends, Understage first."""
    port, trivial_port, node_port = free_port(), free_port(), free_port()
    python = sys.executable
    overrides = {
        "APP_CONFIG_backend_listen": json.dumps(f"127.0.0.1:{port}"),
        "APP_CONFIG_backend_baseUrl": json.dumps(f"http://127.0.0.1:{port}"),
    }
    config = str(HERE / "trivial.yaml")
    examples = [Candidate("understage", [python, "main.py"], port, EXAMPLE, overrides)]
    trivials = [
        Candidate(
            "understage",
            [python, str(HERE / "trivial_backend.py"), "--config", config],
            trivial_port,
            HERE,
            {"BENCHMARK_PORT": str(trivial_port)},
        )
    ]
    if arguments.node_command:
        examples.append(Candidate("node", shlex.split(arguments.node_command), arguments.node_port, Path.cwd(), {}))
    if arguments.node_modules:
        trivials.append(
            Candidate(
                "node",
                [arguments.node, str(HERE / "node/trivial-backend.cjs"), "--config", config],
                node_port,
                Path(arguments.node_modules).parent,
                {"NODE_ENV": "production", "NODE_MODULES": arguments.node_modules, "BENCHMARK_PORT": str(node_port)},
            )
        )
    return examples, trivials


def report(name: str, unit: str, figures: dict[str, list[float]], *, more_is_better: bool) -> None:
    """Prints the medians of a figure, its ranges, and the ratio in our favour."""
    line: dict[str, object] = {"figure": name, "unit": unit}
    for who, values in figures.items():
        line[who] = {
            "median": round(statistics.median(values), 3),
            "min": round(min(values), 3),
            "max": round(max(values), 3),
        }
    if len(figures) == 2:
        ours, theirs = (statistics.median(values) for values in figures.values())
        line["ratio"] = round(ours / theirs if more_is_better else theirs / ours, 1)
    print(json.dumps(line), flush=True)


def cold_starts(backends: Sequence[Candidate], runs: int) -> None:
    """Measures process start to readiness, and memory five seconds later."""
    ready: dict[str, list[float]] = {one.name: [] for one in backends}
    memory: dict[str, list[float]] = {one.name: [] for one in backends}
    for _ in range(runs):
        for one in backends:
            with running(one) as started:
                ready[one.name].append(started.ready_seconds)
                time.sleep(5)
                memory[one.name].append(tree_memory_mb(started.process.pid))
    report("cold start", "s", ready, more_is_better=False)
    report("memory after start", "MB", memory, more_is_better=False)


def loads(
    name: str, backends: Sequence[Candidate], path: str, token_of: Callable[[str], str | None], runs: int, seconds: int
) -> None:
    """Measures requests per second of one path, the backends taking turns."""
    rates: dict[str, list[float]] = {one.name: [] for one in backends}
    for _ in range(runs):
        for one in backends:
            with running(one):
                token = token_of(one.url)
                load(one.url + path, token=token, seconds=2)
                result = load(one.url + path, token=token, seconds=seconds)
                if result.failed:
                    sys.exit(f"{one.name}: {result.failed} requests to {path} failed")
                rates[one.name].append(result.per_second)
    report(name, "requests/s", rates, more_is_better=True)


def main() -> None:
    """Runs all measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node-command")
    parser.add_argument("--node-port", type=int, default=7007)
    parser.add_argument("--node-modules")
    parser.add_argument("--node", default="node")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    examples, trivials = candidates(arguments)
    cold_starts(examples, arguments.runs)
    repeats = min(3, arguments.runs)
    loads("readiness", examples, READINESS, lambda _: None, repeats, arguments.seconds)
    loads("verified request, Starlette route", trivials, "/api/trivial/hello", guest_token, repeats, arguments.seconds)
    loads("verified request, ASGI function", trivials, "/api/trivial/plain", guest_token, repeats, arguments.seconds)


if __name__ == "__main__":
    main()
