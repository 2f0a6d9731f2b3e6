"""Two busy plugins in one process, and with `understage start --processes` in one each.

    python benchmarks/processes.py [--runs 3] [--seconds 5] [--milliseconds 1]

A guest asks both plugins at once, each with a load generator of its own; what is asked for computes for a millisecond.
Prints a JSON line per figure: requests a second of both plugins together, in one process, in several when each is
asked at its own port, as backends ask each other, and in several through the gateway of the front, as browsers do; the
CPU time of one; and how busy the load generators were, which must stay well below one core.
"""

import argparse
import json
import os
import re
import resource
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measuring import Candidate, free_port, guest_token, load, running, tree_cpu_seconds
from processes_backend import steps_that_take

HERE = Path(__file__).parent
UNDERSTAGE = [sys.executable, "-m", "understage.cli"]
PLUGINS = {"one": "first", "two": "second"}


def candidate(steps: int, *arguments: str) -> Candidate:
    port = free_port()
    return Candidate(
        "understage",
        [
            sys.executable,
            "-m",
            "understage.cli",
            "start",
            "processes_backend",
            "--config",
            "processes.yaml",
            *arguments,
        ],
        port,
        HERE,
        {"BENCHMARK_PORT": str(port), "BENCHMARK_STEPS": str(steps)},
    )


def addresses(log: Path) -> dict[str, str]:
    """Returns where the supervisor has placed each plugin, as it logs."""
    placed = re.findall(r"in the process '(\w+)'.*?(http://127\.0\.0\.1:\d+)", log.read_text())
    groups = dict(placed)
    return {plugin: groups[group] for plugin, group in PLUGINS.items()}


def load_both(urls: Sequence[str], token: str, pid: int, seconds: int) -> dict[str, float]:
    """Loads both plugins at once."""
    before, generated = tree_cpu_seconds(pid), children_seconds()
    with ThreadPoolExecutor(len(urls)) as threads:
        results = list(threads.map(lambda url: load(f"{url}/work", token=token, connections=8, seconds=seconds), urls))
    used, generating = tree_cpu_seconds(pid) - before, children_seconds() - generated
    if any(result.failed for result in results):
        sys.exit(f"requests failed: {results}")
    total = sum(result.per_second for result in results)
    return {
        "per_second": total,
        "cpu_ms": used * 1000 / (total * seconds),
        "cores_of_load_generators": generating / seconds,
    }


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(steps: int, seconds: int) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    single = candidate(steps)
    with running(single) as started:
        token = guest_token(single.url)
        urls = [f"{single.url}/api/{plugin}" for plugin in PLUGINS]
        load_both(urls, token, started.process.pid, 1)
        figures["one process"] = load_both(urls, token, started.process.pid, seconds)
    several = candidate(steps, "--processes")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with running(several, log=log) as started:
            token = guest_token(several.url)
            for name, bases in (
                ("processes, each at its port", addresses(log)),
                ("processes, through the front", dict.fromkeys(PLUGINS, several.url)),
            ):
                urls = [f"{base}/api/{plugin}" for plugin, base in bases.items()]
                load_both(urls, token, started.process.pid, 1)
                figures[name] = load_both(urls, token, started.process.pid, seconds)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--milliseconds", type=float, default=1)
    arguments = parser.parse_args()
    steps = steps_that_take(arguments.milliseconds)
    runs = [measure(steps, arguments.seconds) for _ in range(arguments.runs)]
    single = statistics.median(run["one process"]["per_second"] for run in runs)
    for name in runs[0]:
        line: dict[str, object] = {"figure": name, "cores": os.cpu_count()}
        for figure in runs[0][name]:
            line[figure] = round(statistics.median(run[name][figure] for run in runs), 3)
        line["all"] = [round(run[name]["per_second"]) for run in runs]
        line["ratio"] = round(statistics.median(run[name]["per_second"] for run in runs) / single, 2)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
