"""What a rule says about a plugin, and what tests do to it."""

from collections.abc import Callable
from pathlib import Path

from understage.cli.plugin_check.project import find_project
from understage.cli.plugin_check.rule import Problem, Verdict, judge
from understage.cli.plugin_check.rules import RULES

SOURCE = "src/plugin_to_do"
Edit = Callable[[str, str, str], None]


def verdict_of(rule_id: str, folder: Path) -> Verdict:
    (rule,) = [rule for rule in RULES if rule.id == rule_id]
    (verdict,) = judge(find_project(str(folder)), [rule])
    return verdict


def problems(rule_id: str, folder: Path) -> list[str]:
    """Returns the problems as `file:line: message`."""

    def place(problem: Problem) -> str:
        path = problem.path.relative_to(folder).as_posix() if problem.path else ""
        return f"{path}:{problem.line}" if problem.line else path

    return [f"{place(problem)}: {problem.message}" for problem in verdict_of(rule_id, folder).problems]
