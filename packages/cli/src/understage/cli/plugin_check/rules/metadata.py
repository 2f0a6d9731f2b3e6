"""What pyproject.toml says: about the package, and about the framework that it works with."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from understage.cli.plugin_check.project import PluginProject, table
from understage.cli.plugin_check.rule import Problem

_REQUIRED = ("name", "version", "description", "readme", "license", "requires-python")
_REQUIREMENT = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?(?P<versions>[^;@]*)")
_UPPER_BOUND = re.compile(r"==|~=|<")


def check_metadata(project: PluginProject) -> Iterator[Problem]:
    """Finds what the table `project` lacks."""
    dynamic = project.metadata.get("dynamic", [])
    missing = [key for key in _REQUIRED if not project.metadata.get(key) and key not in dynamic]
    if missing:
        yield Problem(f"the table [project] lacks {', '.join(missing)}", project.folder / "pyproject.toml")


def check_versions(project: PluginProject) -> Iterator[Problem]:
    """Finds dependencies on the framework that would take any later version."""
    manifest = project.folder / "pyproject.toml"
    found = dict(_framework_requirements(project.metadata))
    if not found:
        yield Problem("expected a dependency on understage-plugin-api, with an upper bound", manifest)
    for requirement, versions in found.items():
        if not _UPPER_BOUND.search(versions):
            yield Problem(
                f"'{requirement}' has no upper bound, and the next release may break it: expected such as "
                f"'{requirement.split(' ')[0].split('>')[0]}>=0.1,<0.2'",
                manifest,
            )


def _framework_requirements(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    optional = table(metadata, "optional-dependencies").values()
    for requirement in [*metadata.get("dependencies", []), *(entry for extra in optional for entry in extra)]:
        match = _REQUIREMENT.match(requirement)
        if match and re.match(r"understage([-_.]|$)", match["name"]):
            yield requirement, match["versions"]
