"""`understage plugin check`: which plugins it takes, the levels, and the report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from packages.cli.tests.plugin_check.judging import SOURCE, Edit, verdict_of

from understage.cli.main import cli
from understage.cli.plugin_check.project import PluginProject, find_project
from understage.cli.plugin_check.rule import Level, Rule, Verdict, reached
from understage.cli.plugin_check.rules import RULES, tools
from understage.errors import InputError

if TYPE_CHECKING:
    from packages.cli.tests.conftest import Project

ROOT = Path(__file__).parents[4]
OWN = sorted(
    manifest.parent.name
    for manifest in ROOT.glob("plugins/*/pyproject.toml")
    if "understage.features" in manifest.read_text()
)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["plugin", "check", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.usefixtures("mypy_cache")
def test_our_own_plugins_are_gold(name: str) -> None:
    """Every plugin and module of this repository is of the highest level."""
    result = check(str(ROOT / "plugins" / name), "--level", "gold")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0].endswith(": gold")


def test_ours_are_among_them() -> None:
    """The check above is about the plugins that there are."""
    assert {"auth", "auth_module_guest_provider", "catalog"} <= set(OWN)


@pytest.mark.usefixtures("mypy_cache")
@pytest.mark.parametrize(
    "arguments", [["plugin", "to-do"], ["module", "labels", "--plugin", "catalog"], ["module", "x", "--plugin", "y"]]
)
def test_what_is_written_is_gold(tmp_path: Path, arguments: list[str]) -> None:
    """What `understage new` writes is of the highest level."""
    CliRunner().invoke(cli, ["new", *arguments, "--path", str(tmp_path / "new")])
    done = subprocess.run(
        [sys.executable, "-m", "understage.cli", "plugin", "check", "--level", "gold"],
        cwd=tmp_path / "new",
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("broken", "level"),
    [
        ([], Level.GOLD),
        ([Level.GOLD], Level.SILVER),
        ([Level.GOLD, Level.SILVER], Level.BRONZE),
        ([Level.SILVER], Level.BRONZE),
        ([Level.BRONZE], Level.NONE),
    ],
)
def test_levels(broken: list[Level], level: Level) -> None:
    """A level is reached when no rule of it or of those below is broken; what does not apply does not count."""

    def verdict(level: Level) -> Verdict:
        rule = Rule(str(level), level, "", lambda project: None)
        return Verdict(rule, "broken" if level in broken else "not applicable")

    assert reached([verdict(level) for level in Level if level]) == level


def test_the_report(folder: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table shows every rule, what is wrong, and what the next level needs; the exit code tells programs."""
    monkeypatch.setattr(tools, "_mypy", lambda project: [])
    edit(f"{SOURCE}/service.py", "", 'def _shout() -> None:\n    print("!")\n')
    edit("README.md", "backend.add", "add")
    result = check(str(folder))
    lines = result.output.splitlines()
    assert result.exit_code == 1
    assert lines[0] == "plugin-to-do 0.1.0: no level yet"
    assert lines[-1] == "Bronze needs: readme"
    assert [line.split()[1] for line in lines[1:-1] if line.startswith(("  b", "  s", "  g"))] == [
        rule.id for rule in RULES
    ]
    assert "  silver  async          kept            nothing blocks the event loop" in lines
    place = lines.index("  silver  logging        broken          logs go through the logger service")
    assert lines[place + 1].startswith(f"          {SOURCE}/service.py:55: prints: ask")
    edit("README.md", "add", "backend.add")
    assert check(str(folder)).exit_code == 0
    assert check(str(folder), "--level", "silver").exit_code == 1
    assert check(str(folder)).output.splitlines()[-1] == "Silver needs: logging"


def test_json(folder: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    """--json says the same to programs, with paths relative to the folder."""
    monkeypatch.setattr(tools, "_mypy", lambda project: [])
    edit("CHANGELOG.md", "Unreleased", "Older")
    report: dict[str, Any] = json.loads(check(str(folder), "--json").output)
    assert [report[key] for key in ("package", "importName", "version", "level")] == [
        "plugin-to-do",
        "plugin_to_do",
        "0.1.0",
        "silver",
    ]
    assert report["rules"][-1] == {
        "id": "changelog",
        "level": "gold",
        "title": "a changelog says what changes",
        "status": "broken",
        "problems": [
            {
                "message": "expected a section 'Unreleased' or of version 0.1.0",
                "path": "CHANGELOG.md",
                "line": None,
            }
        ],
    }


def test_targets(tmp_path: Path) -> None:
    """A target is a folder or an import name; what it is not is said."""
    by_name = find_project("understage.catalog")
    assert by_name == find_project(str(ROOT / "plugins/catalog"))
    assert (by_name.name, by_name.root) == ("understage-catalog", ROOT / "plugins/catalog/src")
    for target, message in {
        str(tmp_path): (
            f"there is no pyproject.toml in {tmp_path.resolve()}: expected the folder of a plugin or module\n"
            "  hint: `understage new plugin ID` writes one"
        ),
        "absent.package": "'absent.package' is neither a folder nor an installed package",
        "no such/folder": "'no such/folder' is neither a folder nor an installed package",
        "understage": "'understage' is neither a folder nor an installed package",
    }.items():
        with pytest.raises(InputError) as caught:
            find_project(target)
        assert str(caught.value) == message
    with pytest.raises(InputError, match="the source of package 'starlette' is not here"):
        find_project("starlette")


def test_what_cannot_be_judged(folder: Path, edit: Edit) -> None:
    """A broken manifest or source, and a folder with no package or several, are errors that name the place."""
    (folder / "src/other").mkdir()
    (folder / "src/other/__init__.py").touch()
    with pytest.raises(InputError) as caught:
        find_project(str(folder))
    assert str(caught.value) == f"expected one package below {folder}/src, found 2: other, plugin_to_do"
    (folder / "src/other/__init__.py").unlink()
    edit("tests/data_broken_on_purpose.py", "", "def (\n")
    assert verdict_of("tests", folder).status == "kept"
    edit(f"{SOURCE}/service.py", "", "def (\n")
    with pytest.raises(InputError, match=r"src/plugin_to_do/service\.py is no valid Python; caused by SyntaxError"):
        verdict_of("errors", folder)
    (folder / "src").rename(folder / "tests/src")
    with pytest.raises(InputError, match=r"expected one package below .*, found 0$"):
        find_project(str(folder))
    (folder / "pyproject.toml").write_text("[project\n")
    with pytest.raises(InputError, match=r"pyproject\.toml cannot be read; caused by TOMLDecodeError"):
        find_project(str(folder))


def test_a_namespace_is_found(tmp_path: Path) -> None:
    """A package within a namespace has the namespace's name before its own, with or without a folder src."""
    (tmp_path / "acme/todo/inner").mkdir(parents=True)
    for package in ("acme/todo", "acme/todo/inner"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text("project = 1\n")
    project: PluginProject = find_project(str(tmp_path))
    assert (project.import_name, project.root) == ("acme.todo", tmp_path.resolve())
    assert project.name == tmp_path.name


def test_mistakes_are_one_line(project: "Project") -> None:
    """Without a plugin the command ends with a message and exit code 1; a wrong level is wrong usage."""
    done = project.understage("plugin", "check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: there is no pyproject.toml in ")
    assert project.understage("plugin", "check", "--level", "platinum").returncode == 2
