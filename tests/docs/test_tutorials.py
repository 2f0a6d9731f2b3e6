"""The tutorials are run as a reader would run them: files are written, commands typed, answers compared."""

import shutil
from pathlib import Path

import pytest
from tests.support.pages import Reader, blocks_of
from tests.support.processes import free_port

TUTORIALS = Path(__file__).parents[2] / "docs/tutorials"


@pytest.mark.parametrize("name", sorted(page.name for page in TUTORIALS.glob("*.md")))
def test_the_tutorial_works_as_written(name: str, tmp_path: Path) -> None:
    """Every file and command of a tutorial does what the page says."""
    assert shutil.which("curl"), "the tutorials type curl commands: apt-get install curl"
    port = free_port()
    reader = Reader(tmp_path, port)
    try:
        for block in blocks_of(TUTORIALS / name, {"7007": port}):
            reader.follow(block)
    finally:
        reader.close()
