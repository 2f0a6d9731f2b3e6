"""Pages of the documentation, followed as a reader would: files are written, commands typed, answers compared."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import BackendProcess, wait_until_ready

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Block:
    """A fenced code block: its language, what stands behind it, and its text."""

    language: str
    info: str
    text: str

    @property
    def file_name(self) -> str | None:
        return self.option("title")

    @property
    def is_typed(self) -> bool:
        return self.language == "console" and self.option("data-run") != "never"

    def option(self, name: str) -> str | None:
        found = re.search(rf'{name}="([^"]+)"', self.info)
        return found.group(1) if found else None


def blocks_of(page: Path, ports: Mapping[str, int]) -> list[Block]:
    """Returns the code blocks of a page, with its ports replaced by ones that are free here."""
    text = page.read_text()
    for written, free in ports.items():
        text = text.replace(written, str(free))
    return [Block(*match.groups()) for match in FENCE.finditer(text)]


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


class Reader:
    """Follows a page in a folder of its own; variables that a command sets are known to the next one.

    Args:
        folder: where the reader works.
        port: where a backend that the page starts answers, unless its block says `data-port="..."`.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.running: list[BackendProcess] = []
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        self.environment.pop("CI", None)

    def follow(self, block: Block) -> None:
        if block.file_name:
            self.write(block.file_name, block.text)
        elif block.is_typed:
            for command, expected in typed(block.text):
                if block.option("data-run") == "background":
                    self.background(command, int(block.option("data-port") or self.port))
                else:
                    self.type(command, expected)

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def background(self, command: str, port: int) -> None:
        log = self.folder / f"backend-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        self.running.append(BackendProcess(process, port, log))
        wait_until_ready(self.running[-1])

    def type(self, command: str, expected: str) -> None:
        assigned = re.match(r"(\w+)=\$\(", command)
        script = f'{command}\nprintf %s "${assigned.group(1)}"' if assigned else command
        deadline = time.monotonic() + ANSWER_SECONDS
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
        assert done.returncode == 0, f"{command}\n{printed}{self.logs()}"
        assert matches(expected, printed), f"{command}\nexpected: {expected}\nprinted: {printed}{self.logs()}"
        if assigned:
            self.environment[assigned.group(1)] = done.stdout

    def logs(self) -> str:
        return "".join(f"\n{backend.log.name}:\n{backend.log.read_text()}" for backend in self.running)

    def close(self) -> None:
        """Stops what the page started, the last first; all of it must end well."""
        for backend in reversed(self.running):
            backend.process.send_signal(signal.SIGINT)
            assert backend.process.wait(15) == 0, backend.log.read_text()
