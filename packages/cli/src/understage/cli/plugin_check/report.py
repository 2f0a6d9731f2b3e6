"""What the verdicts look like: as text for people, as JSON for programs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from understage.cli.plugin_check.project import PluginProject
from understage.cli.plugin_check.rule import Level, Problem, Verdict, reached


def text_report(project: PluginProject, verdicts: Sequence[Verdict]) -> str:
    """Returns a table of the rules, with what is wrong below each broken one."""
    return "\n".join(_lines(project, verdicts)) + "\n"


def json_report(project: PluginProject, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Returns what the table says, as JSON values; paths are relative to the project."""
    return {
        "package": project.name,
        "importName": project.import_name,
        "version": project.metadata.get("version"),
        "level": str(reached(verdicts)),
        "rules": [
            {
                "id": verdict.rule.id,
                "level": str(verdict.rule.level),
                "title": verdict.rule.title,
                "status": verdict.status,
                "problems": [
                    {"message": problem.message, "path": _relative(problem.path, project.folder), "line": problem.line}
                    for problem in verdict.problems
                ],
            }
            for verdict in verdicts
        ],
    }


def _lines(project: PluginProject, verdicts: Sequence[Verdict]) -> Iterator[str]:
    level = reached(verdicts)
    yield f"{project.name} {project.metadata.get('version', '')}".rstrip() + f": {level or 'no level yet'}"
    for verdict in verdicts:
        rule = verdict.rule
        yield f"  {rule.level!s:<6}  {rule.id:<13}  {verdict.status:<14}  {rule.title}"
        for problem in verdict.problems:
            yield f"{'':10}{_place(problem, project.folder)}{problem.message}"
    if level < Level.GOLD:
        following = Level(level + 1)
        broken = [verdict.rule.id for verdict in verdicts if verdict.problems and verdict.rule.level == following]
        yield f"{str(following).capitalize()} needs: {', '.join(broken)}"


def _place(problem: Problem, folder: Path) -> str:
    path = _relative(problem.path, folder)
    if path is None:
        return ""
    return f"{path}:{problem.line}: " if problem.line else f"{path}: "


def _relative(path: Path | None, folder: Path) -> str | None:
    if path is None or path == folder:
        return None
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
