"""How a plugin logs: through the service, which knows the plugin and the operator's level and format."""

import ast
from collections.abc import Iterator

from understage.cli.plugin_check.project import PluginProject
from understage.cli.plugin_check.rule import Problem

_HINT = "ask for the logger service: `init(logger: Logger)`"


def check_logging(project: PluginProject) -> Iterator[Problem]:
    """Finds prints, and loggers that are not the service's."""
    for source in project.sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                yield Problem(f"prints: {_HINT}", source.path, node.lineno)
            elif _imports_logging(node):
                yield Problem(f"imports logging: {_HINT}", source.path, getattr(node, "lineno", None))


def _imports_logging(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and (node.module or "").split(".")[0] == "logging"
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "logging" for alias in node.names)
