"""A plugin whose source tests may break."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from packages.cli.tests.plugin_check.judging import Edit

from understage.cli.main import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin as it is written by `understage new`; what is imported of it is forgotten after the test."""
    folder = tmp_path.resolve() / "to-do"
    assert CliRunner().invoke(cli, ["new", "plugin", "to-do", "--path", str(folder)]).exit_code == 0
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "plugin_to_do"]:
        del sys.modules[name]


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replaces a text in a file of the plugin; an empty text stands for the end of the file."""

    def edit(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text() if (folder / file).exists() else ""
        assert old in text
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text.replace(old, new) if old else text + new)

    return edit


@pytest.fixture
def mypy_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what mypy knows from test to test, and out of the repository."""
    monkeypatch.setenv("MYPY_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "mypy-cache"))
