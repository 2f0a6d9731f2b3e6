"""What a plugin may import: the public libraries, never the framework's inside or another plugin."""

import ast
from collections.abc import Iterator
from importlib.metadata import entry_points

from understage.cli.plugin_check.project import FEATURE_GROUP, PluginProject
from understage.cli.plugin_check.rule import Problem

_INSIDE = {
    "understage.cli": "the command line",
    "understage.defaults": "the default services; ask for the service by annotation",
    "understage.testing": "the testing kit, which belongs into tests",
    "understage.wiring": "the container; what plugins need is in understage.plugin_api",
}


def check_boundaries(project: PluginProject) -> Iterator[Problem]:
    """Finds imports of the framework's inside and of other plugins."""
    forbidden = {**_other_plugins(project), **_INSIDE}
    for source in project.sources:
        for node in ast.walk(source.tree):
            packages = {part for name in _imported(node) for part in _prefixes(name) if part in forbidden}
            for package in sorted(packages):
                message = f"imports {package}: {forbidden[package]}"
                yield Problem(message, source.path, getattr(node, "lineno", None))


def _other_plugins(project: PluginProject) -> dict[str, str]:
    packages = {point.module for point in entry_points(group=FEATURE_GROUP)}
    reason = "another plugin or module; import its *_api library, and talk over the wire"
    return {package: reason for package in packages if project.import_name not in _prefixes(package)}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]
