"""Tables: made by numbered migrations, for both dialects."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from understage.cli.plugin_check.project import PluginProject, Source
from understage.cli.plugin_check.rule import Problem

_DIALECTS = frozenset({"postgres", "sqlite"})
_FILE = re.compile(r"(?P<number>\d+)_[A-Za-z0-9_-]+(?:\.(?P<dialect>postgres|sqlite))?\.sql")
_MAKES_TABLES = re.compile(r"\s*(create|alter)\s+table\b", re.IGNORECASE)


def check_migrations(project: PluginProject) -> list[Problem] | None:
    """Finds misnamed, missing and unused migrations, and tables that are made without one."""
    files = sorted((project.package / "migrations").glob("*.sql"))
    problems = [problem for source in project.sources for problem in _tables_in_code(source)]
    if not files:
        return problems or None
    problems.extend(_misnamed(files))
    if not any(_migrates(source, project.import_name) for source in project.sources):
        message = f'nothing runs the migrations: expected await database.migrate("{project.import_name}")'
        problems.append(Problem(message, files[0].parent))
    return problems


def _misnamed(files: list[Path]) -> Iterator[Problem]:
    written: dict[int, dict[str, Path]] = {}
    for file in files:
        match = _FILE.fullmatch(file.name)
        if match is None:
            yield Problem("expected the name <number>_<name>.sql, maybe with .postgres or .sqlite before .sql", file)
            continue
        by_dialect = written.setdefault(int(match["number"]), {})
        for dialect in [match["dialect"]] if match["dialect"] else sorted(_DIALECTS):
            if dialect in by_dialect:
                yield Problem(f"has the number of {by_dialect[dialect].name}", file)
                break
            by_dialect[dialect] = file
    for number, by_dialect in written.items():
        for dialect in sorted(_DIALECTS - by_dialect.keys()):
            yield Problem(f"migration {number} has no variant for {dialect}", next(iter(by_dialect.values())))


def _migrates(source: Source, import_name: str) -> bool:
    return any(_runs_migrations(node, import_name) for node in ast.walk(source.tree))


def _runs_migrations(node: ast.AST, import_name: str) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "migrate"):
        return False
    package = node.args[0] if node.args else None
    # A name may stand for the package; what it stands for shows at run time only.
    return package.value == import_name if isinstance(package, ast.Constant) else package is not None


def _tables_in_code(source: Source) -> Iterator[Problem]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _MAKES_TABLES.match(node.value):
            yield Problem("makes tables in code: move the statement into migrations/", source.path, node.lineno)
