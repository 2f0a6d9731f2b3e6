"""Starting, timing and loading a backend from outside, whoever made it: what the benchmarks share."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READINESS = "/.backstage/health/v1/readiness"


@dataclass(frozen=True)
class Candidate:
    """A backend under measurement.

    Attributes:
        name: how it is called in the figures.
        command: what starts it, in the foreground.
        port: where it listens on loopback.
        folder: the working directory.
        environment: variables to add.
    """

    name: str
    command: Sequence[str]
    port: int
    folder: Path
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Started:
    """A running backend and how long it took from process start to readiness, in seconds."""

    process: subprocess.Popen[bytes]
    ready_seconds: float


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(candidate: Candidate, time_limit: float = 120, *, log: Path | None = None) -> Iterator[Started]:
    """Starts a backend, waits until it is ready, and stops its whole process group at the end.

    Args:
        candidate: the backend.
        time_limit: how many seconds it may take to become ready.
        log: where its output goes; by default nowhere.
    """
    begin = time.perf_counter()
    with Path(log or os.devnull).open("wb") as output:
        process = subprocess.Popen(
            candidate.command,
            cwd=candidate.folder,
            env={**os.environ, **candidate.environment},
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        while True:
            try:
                urllib.request.urlopen(candidate.url + READINESS, timeout=2).read()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if process.poll() is not None or time.perf_counter() - begin > time_limit:
                    sys.exit(f"{candidate.name} did not become ready: {' '.join(candidate.command)}")
                time.sleep(0.005)
        yield Started(process, time.perf_counter() - begin)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tree_memory_mb(pid: int) -> float:
    """Returns the resident memory of a process and its descendants, in MB."""
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            total += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text()).group(1))  # type: ignore[union-attr]
            todo += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except (FileNotFoundError, AttributeError, ProcessLookupError):
            continue
    return total / 1024


def tree_cpu_seconds(pid: int) -> float:
    """Returns the CPU time that a process and its living descendants have used, in seconds."""
    ticks, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            user, system = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
            todo += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def get_json(url: str, token: str | None = None) -> object:
    """Returns the JSON that a GET is answered with."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
        return json.loads(response.read())


def guest_token(url: str) -> str:
    """Signs in as the guest and returns the user token."""
    session = get_json(f"{url}/api/auth/guest/refresh")
    assert isinstance(session, dict)
    return str(session["backstageIdentity"]["token"])


@dataclass(frozen=True)
class Load:
    """What a load run gave: requests per second, latencies as wrk prints them, and answers that were no success."""

    per_second: float
    p50: str
    p99: str
    failed: int


def load(
    url: str,
    *,
    token: str | None = None,
    tokens: Sequence[str] = (),
    connections: int = 10,
    seconds: int = 5,
    script: str = "",
) -> Load:
    """Loads an address with wrk: one thread, keep-alive connections.

    Args:
        url: the address.
        token: the bearer token of all requests.
        tokens: bearer tokens that take turns instead.
        connections: how many requests are under way at once.
        seconds: how long.
        script: a wrk script in Lua, to send something else than GET.
    """
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed: apt-get install wrk")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if tokens:
        script = _TAKE_TURNS % ",".join(f'"{one}"' for one in tokens)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
        printed = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    median, slow = re.search(r"50%\s+(\S+)", printed), re.search(r"99%\s+(\S+)", printed)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    assert rate
    p50, p99 = median.group(1) if median else "", slow.group(1) if slow else ""
    return Load(float(rate.group(1)), p50, p99, int(failed.group(1)) if failed else 0)


# Requests are written beforehand, so that taking turns costs wrk no more than sending the same one.
_TAKE_TURNS = """
local tokens, requests, turn = {%s}, {}, 0
function init()
  for i, token in ipairs(tokens) do
    requests[i] = wrk.format("GET", nil, {["Authorization"] = "Bearer " .. token, ["Host"] = wrk.headers["Host"]})
  end
end
function request()
  turn = turn %% #requests + 1
  return requests[turn]
end
"""
