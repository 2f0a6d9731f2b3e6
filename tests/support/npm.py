"""Node with the official packages that a folder of tests installs."""

import shutil
from pathlib import Path

from tests.support.not_run import not_run


def node_with(package: str, folder: Path) -> str:
    """Returns Node's program, if `npm ci` was run in a folder.

    Elsewhere the test is reported as not run, and in CI as failed.

    Args:
        package: an installed package that shows it.
        folder: where package.json lies.
    """
    program = shutil.which("node")
    if program is None:
        not_run("node is missing: install Node 20 or newer")
    if not (folder / "node_modules" / package).is_dir():
        not_run(f"{package} is not installed: run `make test`, or `npm ci` in tests/{folder.name}")
    return program
