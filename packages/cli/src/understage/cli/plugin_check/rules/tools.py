"""What other tools judge better: ruff finds blocking calls and missing docstrings, mypy finds what is not typed."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from understage.cli.plugin_check.project import PluginProject
from understage.cli.plugin_check.rule import Problem

_MYPY_LINE = re.compile(r"(?P<path>.+?):(?P<line>\d+): error: (?P<message>.*)")


def check_async(project: PluginProject) -> Iterator[Problem]:
    """Finds calls in coroutines that block the event loop."""
    yield from _ruff(project, "ASYNC")


def check_docstrings(project: PluginProject) -> Iterator[Problem]:
    """Finds public modules, classes, functions and methods without a docstring."""
    yield from _ruff(project, "D100,D101,D102,D103,D104")


def check_types(project: PluginProject) -> Iterator[Problem]:
    """Finds what mypy finds in the package in its strict mode."""
    if not (project.package / "py.typed").is_file():
        yield Problem("there is no file py.typed, so that others see no types", project.package)
    yield from _mypy(project)


def _ruff(project: PluginProject, rules: str) -> Iterator[Problem]:
    if (missing := _missing("ruff")) is not None:
        yield missing
        return
    options = ["--isolated", "--no-cache", "--output-format", "json", "--select", rules]
    done = _run(project, "ruff", "check", *options, str(project.package))
    if done.returncode not in (0, 1):
        yield Problem(f"ruff failed: {done.stderr.strip()}")
        return
    for found in json.loads(done.stdout):
        message = f"{found['message']} ({found['code']})"
        yield Problem(message, Path(found["filename"]), found["location"]["row"])


def _mypy(project: PluginProject) -> Iterator[Problem]:
    if (missing := _missing("mypy")) is not None:
        yield missing
        return
    # Packages of a namespace have no file that mypy could find their name by.
    options = ["--strict", "--namespace-packages", "--explicit-package-bases", "--no-error-summary", "--no-pretty"]
    done = _run(project, "mypy", *options, "--show-absolute-path", "--package", project.import_name)
    lines = [_MYPY_LINE.fullmatch(line) for line in done.stdout.splitlines()]
    errors = [match for match in lines if match and Path(match["path"]).is_relative_to(project.package)]
    if done.returncode != 0 and not errors:
        yield Problem(f"mypy failed: {(done.stderr or done.stdout).strip()}")
    for match in errors:
        yield Problem(match["message"], Path(match["path"]), int(match["line"]))


def _missing(tool: str) -> Problem | None:
    if find_spec(tool) is not None:
        return None
    return Problem(f"cannot be checked without {tool}: pip install {tool}")


def _run(project: PluginProject, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "MYPYPATH": str(project.root), "NO_COLOR": "1"}
    return subprocess.run(  # noqa: S603 - ruff and mypy of this environment, without a shell
        [sys.executable, "-m", *command],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
