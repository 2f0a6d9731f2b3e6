"""Which files `understage dev` looks at."""

from pathlib import Path

import pytest

from understage.cli.sources import Sources


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        ("main.py", True),
        ("app-config.local.yaml", True),
        ("acme/migrations/0001_init.sql", True),
        ("data/catalog.sqlite", False),
        ("data/catalog.sqlite-wal", False),
        ("acme/__pycache__/main.cpython-311.pyc", False),
        ("acme/__pycache__/x.py", False),
        (".venv/lib/python3.11/site-packages/x.py", False),
        ("venv/lib/python3.11/site-packages/x.py", False),
        (".git/x.py", False),
        (".main.py.swp", False),
        ("frontend/node_modules/x/package.json", False),
        ("README.md", False),
    ],
)
def test_only_sources_and_configuration_matter(tmp_path: Path, path: str, matters: bool) -> None:
    """Source and configuration files matter; databases, caches, environments and hidden files do not."""
    assert (tmp_path / path in Sources([tmp_path])) is matters


def test_what_was_asked_for_matters(tmp_path: Path) -> None:
    """A file or folder that was named counts even where others are left out; its neighbours do not."""
    sources = Sources([tmp_path / "project", tmp_path / "project/.venv/editable"], [tmp_path / "etc/settings.conf"])
    assert tmp_path / "project/.venv/editable/x.py" in sources
    assert tmp_path / "project/.venv/other/x.py" not in sources
    assert tmp_path / "etc/settings.conf" in sources
    assert tmp_path / "etc/other.yaml" not in sources
    assert tmp_path / "etc" in sources.watched()


def test_only_other_content_is_a_change(tmp_path: Path) -> None:
    """A file that is written again with the same content has not changed; new, other and removed ones have, once."""
    same, other, removed = (tmp_path / name for name in ("same.py", "other.py", "removed.py"))
    for file in (same, other, removed):
        file.write_text("x = 1\n")
    sources = Sources([tmp_path])
    sources.remember()
    same.write_text("x = 1\n")
    other.write_text("x = 2\n")
    removed.unlink()
    new = tmp_path / "new.py"
    new.write_text("")
    paths = [same, other, removed, new]
    assert sources.changed(paths) == [new, other, removed]
    assert sources.changed(paths) == []
