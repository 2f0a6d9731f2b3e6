"""Tests: there are some, and they start the feature in a backend."""

import ast
from collections.abc import Iterator

from understage.cli.plugin_check.project import PluginProject, Source
from understage.cli.plugin_check.rule import Problem


def check_tests(project: PluginProject) -> Iterator[Problem]:
    """Finds out whether any test starts a test backend."""
    if not any(_has_tests(source) for source in project.tests):
        yield Problem("there are no tests: expected tests/test_*.py", project.folder)
    elif not any(_starts_backend(source) for source in project.tests):
        yield Problem("no test starts a backend: expected start_test_backend(features=[feature])", project.folder)


def _has_tests(source: Source) -> bool:
    functions = (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return source.path.name.startswith("test_") and any(node.name.startswith("test_") for node in functions)


def _starts_backend(source: Source) -> bool:
    calls = (node.func for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    return "start_test_backend" in names
