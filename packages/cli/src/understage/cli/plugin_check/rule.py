"""Rules, levels and verdicts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Literal

from understage.cli.plugin_check.project import PluginProject


class Level(IntEnum):
    """How good a plugin is: a level has the rules of those below it, too."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Problem:
    """Where a rule is broken, and what to do.

    Attributes:
        message: what is wrong, and what was expected.
        path: the file, where there is one.
        line: the line in it, from 1.
    """

    message: str
    path: Path | None = None
    line: int | None = None


@dataclass(frozen=True)
class Rule:
    """One demand on plugins.

    Attributes:
        id: its name, under which the reference describes it.
        level: the level that it belongs to.
        title: what is demanded.
        check: finds where a project breaks it; returns None if the rule has nothing to say about the project.
    """

    id: str
    level: Level
    title: str
    check: Callable[[PluginProject], Iterable[Problem] | None]


@dataclass(frozen=True)
class Verdict:
    """What a rule says about a project.

    Attributes:
        rule: the rule.
        status: whether it is kept.
        problems: where it is broken.
    """

    rule: Rule
    status: Literal["kept", "broken", "not applicable"]
    problems: Sequence[Problem] = ()


def judge(project: PluginProject, rules: Iterable[Rule]) -> list[Verdict]:
    """Returns what each rule says about a project."""
    return [_verdict(project, rule) for rule in rules]


def reached(verdicts: Iterable[Verdict]) -> Level:
    """Returns the highest level none of whose rules is broken, nor any of the levels below it."""
    broken = [verdict.rule.level for verdict in verdicts if verdict.status == "broken"]
    return Level(min(broken, default=Level.GOLD + 1) - 1)


def _verdict(project: PluginProject, rule: Rule) -> Verdict:
    problems = rule.check(project)
    if problems is None:
        return Verdict(rule, "not applicable")
    found = list(problems)
    return Verdict(rule, "broken" if found else "kept", found)
