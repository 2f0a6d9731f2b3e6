"""The texts beside the source: README and changelog."""

import re
from collections.abc import Iterator
from pathlib import Path

from understage.cli.plugin_check.project import PluginProject
from understage.cli.plugin_check.rule import Problem


def check_readme(project: PluginProject) -> Iterator[Problem]:
    """Finds out whether the README shows how a backend adds the feature."""
    path = _find(project.folder, "README")
    call = f'backend.add("{project.import_name}")'
    if path is None:
        yield Problem(f"there is no README.md: expected one that shows {call}", project.folder)
    elif not re.search(rf"backend\.add\(\s*(['\"])?{re.escape(project.import_name)}\b", _read(path)):
        yield Problem(f"the README does not show how to add it: expected {call}", path)


def check_changelog(project: PluginProject) -> Iterator[Problem]:
    """Finds out whether a changelog, here or at the repository's root, is kept."""
    path = next((found for folder in _up_to_repository(project.folder) if (found := _find(folder, "CHANGELOG"))), None)
    version = project.metadata.get("version")
    if path is None:
        yield Problem("there is no CHANGELOG.md, neither here nor at the root of the repository", project.folder)
    elif not re.search(rf"unreleased|\b{re.escape(str(version))}\b", _read(path), re.IGNORECASE):
        yield Problem(f"expected a section 'Unreleased' or of version {version}", path)


def _find(folder: Path, stem: str) -> Path | None:
    names = (path for path in sorted(folder.iterdir()) if path.is_file())
    return next((path for path in names if path.stem.upper() == stem), None)


def _up_to_repository(folder: Path) -> Iterator[Path]:
    """Returns the folder and, if it lies within a repository, those above it up to the repository's root."""
    above = [folder, *folder.parents]
    root = next((index for index, parent in enumerate(above) if (parent / ".git").exists()), 0)
    yield from above[: root + 1]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
