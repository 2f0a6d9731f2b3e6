"""The tutorials are run as a reader would run them: files are written, commands typed, answers compared."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs/tutorials"
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """A fenced code block: its language, what stands behind it, and its text."""

    language: str
    info: str
    text: str

    @property
    def file_name(self) -> str | None:
        found = re.search(r'title="([^"]+)"', self.info)
        return found.group(1) if found else None


def blocks_of(page: Path, port: int) -> list[Block]:
    text = page.read_text().replace("7007", str(port))
    return [Block(*match.groups()) for match in FENCE.finditer(text)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def typed(text: str) -> list[tuple[str, str]]:
    """Splits a console block into commands and what they are said to print."""
    entries: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            entries.append((line[2:], []))
        else:
            entries[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in entries]


def matches(expected: str, printed: str) -> bool:
    pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
    return re.search(pattern, printed.strip(), re.DOTALL) is not None


def wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    url = f"http://127.0.0.1:{port}/.backstage/health/v1/readiness"
    while subprocess.run(["curl", "-sf", url], capture_output=True, check=False).returncode != 0:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


class Reader:
    """Follows a page in a folder of its own; variables that a command sets are known to the next one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.running: subprocess.Popen[bytes] | None = None
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        self.environment.pop("CI", None)

    def follow(self, block: Block) -> None:
        if block.file_name:
            (self.folder / block.file_name).write_text(block.text)
        elif block.language == "console" and "no-test" not in block.info:
            for command, expected in typed(block.text):
                self.background(command) if "background" in block.info else self.type(command, expected)

    def background(self, command: str) -> None:
        log = self.folder / "backend.log"
        with log.open("wb") as output:
            self.running = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        wait_until_ready(self.port, self.running, log)

    def type(self, command: str, expected: str) -> None:
        assigned = re.match(r"(\w+)=\$\(", command)
        script = f'{command}\nprintf %s "${assigned.group(1)}"' if assigned else command
        deadline = time.monotonic() + 10
        while True:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            printed = done.stdout + (done.stderr if done.returncode else "")
            # Entities appear a moment after readiness, so a reader who types fast tries again.
            if (done.returncode == 0 and matches(expected, printed)) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert done.returncode == 0, f"{command}\n{printed}"
        assert matches(expected, printed), f"{command}\nexpected: {expected}\nprinted: {printed}"
        if assigned:
            self.environment[assigned.group(1)] = done.stdout

    def close(self) -> None:
        if self.running is not None:
            self.running.send_signal(signal.SIGINT)
            assert self.running.wait(15) == 0, (self.folder / "backend.log").read_text()


@pytest.mark.parametrize("name", sorted(page.name for page in TUTORIALS.glob("*.md")))
def test_the_tutorial_works_as_written(name: str, tmp_path: Path) -> None:
    """Every file and command of a tutorial does what the page says."""
    assert shutil.which("curl"), "the tutorials type curl commands: apt-get install curl"
    port = free_port()
    reader = Reader(tmp_path, port)
    try:
        for block in blocks_of(TUTORIALS / name, port):
            reader.follow(block)
    finally:
        reader.close()
