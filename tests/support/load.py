"""Load from outside the test's own process, by wrk."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from tests.support.not_run import not_run


@dataclass(frozen=True)
class LoadResult:
    """What became of the requests.

    Attributes:
        answered: how many answers came.
        refused: how many of them were no success.
        broken: connections that were refused or reset, and requests that got no answer.
    """

    answered: int
    refused: int
    broken: int


class Load:
    """A load that runs beside the test.

    Args:
        url: what is asked for.
        seconds: how long.
        connections: how many requests are under way at once.
    """

    def __init__(self, url: str, *, seconds: int, connections: int = 8, headers: dict[str, str] | None = None) -> None:
        program = shutil.which("wrk")
        if program is None:
            not_run("wrk is not installed")
        lines = [argument for name, value in (headers or {}).items() for argument in ("-H", f"{name}: {value}")]
        self._process = subprocess.Popen(
            [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", *lines, url],
            stdout=subprocess.PIPE,
            text=True,
        )

    def result(self) -> LoadResult:
        """Waits for the end."""
        printed, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, printed
        answered = re.search(r"(\d+) requests in", printed)
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
        assert answered, printed
        return LoadResult(
            int(answered[1]), int(refused[1]) if refused else 0, sum(map(int, errors.groups())) if errors else 0
        )
