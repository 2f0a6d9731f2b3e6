"""How a plugin fails: with errors that have a meaning on the wire."""

import ast
from collections.abc import Iterator

from understage.cli.plugin_check.project import PluginProject
from understage.cli.plugin_check.rule import Problem

_WITHOUT_MEANING = frozenset({"BaseException", "Exception", "HTTPException", "RuntimeError"})
_BROAD = frozenset({"BaseException", "Exception"})


def check_errors(project: PluginProject) -> Iterator[Problem]:
    """Finds errors that say nothing to clients, and handlers that swallow all errors."""
    for source in project.sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Raise) and (name := _name(node.exc)) in _WITHOUT_MEANING:
                message = f"raises {name}: expected an error of understage.errors, which clients understand"
                yield Problem(message, source.path, node.lineno)
            elif isinstance(node, ast.ExceptHandler) and _swallows(node):
                yield Problem("swallows all errors: catch those that are meant, or log them", source.path, node.lineno)


def _name(expression: ast.expr | None) -> str:
    if isinstance(expression, ast.Call):
        expression = expression.func
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _swallows(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(kind is None or _name(kind) in _BROAD for kind in caught)
    return broad and all(_does_nothing(statement) for statement in handler.body)


def _does_nothing(statement: ast.stmt) -> bool:
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass | ast.Continue)
