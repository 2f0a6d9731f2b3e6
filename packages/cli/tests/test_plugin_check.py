"""`understage plugin check`: each rule finds what breaks it, and the levels follow from the rules."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from understage.cli.main import cli
from understage.cli.plugin_check.project import PluginProject, find_project
from understage.cli.plugin_check.rule import Level, Problem, Rule, Verdict, judge, reached
from understage.cli.plugin_check.rules import RULES, tools
from understage.errors import InputError

if TYPE_CHECKING:
    from packages.cli.tests.conftest import Project

ROOT = Path(__file__).parents[3]
OWN = sorted(
    manifest.parent.name
    for manifest in ROOT.glob("plugins/*/pyproject.toml")
    if "understage.features" in manifest.read_text()
)
SOURCE = "src/plugin_to_do"
Edit = Callable[[str, str, str], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin as it is written by `understage new`; what is imported of it is forgotten after the test."""
    folder = tmp_path.resolve() / "to-do"
    assert CliRunner().invoke(cli, ["new", "plugin", "to-do", "--path", str(folder)]).exit_code == 0
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "plugin_to_do"]:
        del sys.modules[name]


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replaces a text in a file of the plugin; an empty text stands for the end of the file."""

    def edit(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text() if (folder / file).exists() else ""
        assert old in text
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text.replace(old, new) if old else text + new)

    return edit


@pytest.fixture
def mypy_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what mypy knows from test to test, and out of the repository."""
    monkeypatch.setenv("MYPY_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "mypy-cache"))


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
    ("rule_id", "file", "old", "new", "expected"),
    [
        (
            "feature",
            f"{SOURCE}/__init__.py",
            "import feature",
            "import feature as plugin",
            (
                f"{SOURCE}/__init__.py: the package has no attribute 'feature': import the plugin or module under this "
                "name"
            ),
        ),
        (
            "feature",
            f"{SOURCE}/__init__.py",
            "",
            "feature = {}\n",
            (
                f"{SOURCE}/__init__.py: 'feature' is an object of type dict: expected what @create_backend_plugin or "
                "@create_backend_module makes"
            ),
        ),
        (
            "feature",
            f"{SOURCE}/service.py",
            "",
            "raise KeyError('x')\n",
            f"{SOURCE}/__init__.py: 'plugin_to_do' cannot be imported; caused by KeyError: 'x'",
        ),
        (
            "entry-point",
            "pyproject.toml",
            "understage.features",
            "understage.plugins",
            (
                'pyproject.toml: expected [project.entry-points."understage.features"] with '
                'plugin-to-do = "plugin_to_do"'
            ),
        ),
        (
            "entry-point",
            "pyproject.toml",
            'plugin-to-do = "plugin_to_do"',
            'plugin-to-do = "json"',
            (
                'pyproject.toml: expected [project.entry-points."understage.features"] with '
                'plugin-to-do = "plugin_to_do"; found json'
            ),
        ),
        (
            "entry-point",
            "pyproject.toml",
            'plugin-to-do = "plugin_to_do"',
            'plugin-to-do = "plugin_to_do:absent"',
            (
                "pyproject.toml: 'plugin_to_do:absent' cannot be imported; caused by AttributeError: module "
                "'plugin_to_do' has no attribute 'absent'"
            ),
        ),
        (
            "entry-point",
            "pyproject.toml",
            'plugin-to-do = "plugin_to_do"',
            'plugin-to-do = "plugin_to_do.config"',
            "pyproject.toml: 'plugin_to_do.config' is neither a feature nor a package that has one",
        ),
        (
            "metadata",
            "pyproject.toml",
            'license = "Apache-2.0"\nrequires-python = ">=3.11"\n',
            "",
            "pyproject.toml: the table [project] lacks license, requires-python",
        ),
        (
            "versions",
            "pyproject.toml",
            "understage-errors>=0.1.0,<0.2",
            "understage-errors>=0.1.0",
            (
                "pyproject.toml: 'understage-errors>=0.1.0' has no upper bound, and the next release may break it: "
                "expected such as 'understage-errors>=0.1,<0.2'"
            ),
        ),
        (
            "versions",
            "pyproject.toml",
            '"understage-',
            '"acme-',
            "pyproject.toml: expected a dependency on understage-plugin-api, with an upper bound",
        ),
        (
            "readme",
            "README.md",
            'backend.add("plugin_to_do")',
            'backend.add("plugin_to_do_more")',
            'README.md: the README does not show how to add it: expected backend.add("plugin_to_do")',
        ),
        (
            "tests",
            "tests/test_routes.py",
            "start_test_backend(",
            "start_backend(",
            ".: no test starts a backend: expected start_test_backend(features=[feature])",
        ),
        (
            "boundaries",
            f"{SOURCE}/service.py",
            "",
            "import understage.wiring.draw\n",
            (
                f"{SOURCE}/service.py:<end>: imports understage.wiring: the container; what plugins need is in "
                "understage.plugin_api"
            ),
        ),
        (
            "boundaries",
            f"{SOURCE}/service.py",
            "",
            "from understage import defaults\n",
            (
                f"{SOURCE}/service.py:<end>: imports understage.defaults: the default services; ask for the service by "
                "annotation"
            ),
        ),
        (
            "boundaries",
            f"{SOURCE}/service.py",
            "",
            "from understage.catalog.service import EntitiesCatalog\n",
            (
                f"{SOURCE}/service.py:<end>: imports understage.catalog: another plugin or module; import its *_api "
                "library, and talk over the wire"
            ),
        ),
        (
            "config-schema",
            "pyproject.toml",
            "understage.config_schema",
            "understage.schemas",
            (
                f"{SOURCE}/config.py:33: expected "
                '[project.entry-points."understage.config_schema"] with plugin-to-do = "plugin_to_do.config:schema", '
                "as configuration is read here"
            ),
        ),
        (
            "config-schema",
            "pyproject.toml",
            "plugin_to_do.config:schema",
            "plugin_to_do.config:model",
            (
                "pyproject.toml: 'plugin_to_do.config:model' cannot be imported; caused by AttributeError: module "
                "'plugin_to_do.config' has no attribute 'model'"
            ),
        ),
        (
            "config-schema",
            "pyproject.toml",
            "plugin_to_do.config:schema",
            "plugin_to_do.config:__name__",
            (
                "pyproject.toml: the configuration schema of plugin-to-do cannot be read from plugin_to_do.config: "
                "[Errno 2] No such file or directory: 'plugin_to_do.config'"
            ),
        ),
        (
            "migrations",
            f"{SOURCE}/migrations/items.sql",
            "",
            "SELECT 1;\n",
            (
                f"{SOURCE}/migrations/items.sql: expected the name <number>_<name>.sql, maybe with .postgres or "
                ".sqlite before .sql"
            ),
        ),
        (
            "migrations",
            f"{SOURCE}/migrations/1_more.sqlite.sql",
            "",
            "SELECT 1;\n",
            f"{SOURCE}/migrations/1_more.sqlite.sql: has the number of 0001_items.sql",
        ),
        (
            "migrations",
            f"{SOURCE}/migrations/2_more.sqlite.sql",
            "",
            "SELECT 1;\n",
            f"{SOURCE}/migrations/2_more.sqlite.sql: migration 2 has no variant for postgres",
        ),
        (
            "migrations",
            f"{SOURCE}/database.py",
            'migrate("plugin_to_do")',
            'migrate("plugin_done")',
            (f'{SOURCE}/migrations: nothing runs the migrations: expected await database.migrate("plugin_to_do")'),
        ),
        (
            "migrations",
            f"{SOURCE}/database.py",
            "",
            'MORE = """\ncreate table more (id text)"""\n',
            f"{SOURCE}/database.py:<end>: makes tables in code: move the statement into migrations/",
        ),
        (
            "errors",
            f"{SOURCE}/service.py",
            "raise InputError(",
            "raise RuntimeError(",
            (
                f"{SOURCE}/service.py:50: raises RuntimeError: expected an error of understage.errors, which clients "
                "understand"
            ),
        ),
        (
            "errors",
            f"{SOURCE}/service.py",
            "",
            "try:\n    pass\nexcept (KeyError, Exception):\n    ...\n",
            f"{SOURCE}/service.py:<end+2>: swallows all errors: catch those that are meant, or log them",
        ),
        (
            "async",
            f"{SOURCE}/service.py",
            "",
            "import time\nasync def wait() -> None:\n    time.sleep(1)\n",
            f"{SOURCE}/service.py:<end+2>: Async functions should not call `time.sleep` (ASYNC251)",
        ),
        (
            "logging",
            f"{SOURCE}/service.py",
            "",
            "print(1)\n",
            f"{SOURCE}/service.py:<end>: prints: ask for the logger service: `init(logger: Logger)`",
        ),
        (
            "logging",
            f"{SOURCE}/service.py",
            "",
            "from logging import getLogger\n",
            f"{SOURCE}/service.py:<end>: imports logging: ask for the logger service: `init(logger: Logger)`",
        ),
        (
            "docstrings",
            f"{SOURCE}/service.py",
            "",
            "def undocumented(): ...\n",
            f"{SOURCE}/service.py:<end>: Missing docstring in public function (D103)",
        ),
        (
            "changelog",
            "CHANGELOG.md",
            "Unreleased",
            "0.0.9",
            "CHANGELOG.md: expected a section 'Unreleased' or of version 0.1.0",
        ),
    ],
)
def test_a_rule_finds_what_breaks_it(
    folder: Path, edit: Edit, rule_id: str, file: str, old: str, new: str, expected: str
) -> None:
    """Each rule is kept by the written plugin, and says where it is broken after one change."""
    end = len((folder / file).read_text().splitlines()) + 1 if (folder / file).exists() else 1
    edit(file, old, new)
    assert problems(rule_id, folder) == [expected.replace("<end>", str(end)).replace("<end+2>", str(end + 2))]


@pytest.mark.parametrize(
    ("rule_id", "file", "expected"),
    [
        ("readme", "README.md", '.: there is no README.md: expected one that shows backend.add("plugin_to_do")'),
        ("changelog", "CHANGELOG.md", ".: there is no CHANGELOG.md, neither here nor at the root of the repository"),
        ("tests", "tests", ".: there are no tests: expected tests/test_*.py"),
    ],
)
def test_what_is_missing_is_said(folder: Path, rule_id: str, file: str, expected: str) -> None:
    """A rule about a file is broken without it."""
    (folder / file).rename(folder / "elsewhere")
    assert problems(rule_id, folder) == [expected]


@pytest.mark.usefixtures("mypy_cache")
def test_types(folder: Path, edit: Edit) -> None:
    """Types are checked strictly, and py.typed is needed."""
    assert problems("types", folder) == []
    edit(f"{SOURCE}/service.py", "", "def twice(x):\n    return 2 * x\n")
    (folder / SOURCE / "py.typed").unlink()
    assert problems("types", folder) == [
        f"{SOURCE}: there is no file py.typed, so that others see no types",
        f"{SOURCE}/service.py:54: Function is missing a type annotation  [no-untyped-def]",
    ]


@pytest.mark.parametrize(("rule_id", "tool"), [("types", "mypy"), ("async", "ruff"), ("docstrings", "ruff")])
def test_a_missing_tool(folder: Path, monkeypatch: pytest.MonkeyPatch, rule_id: str, tool: str) -> None:
    """What cannot be checked is not taken as kept; the message says what to install."""
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    assert problems(rule_id, folder) == [f": cannot be checked without {tool}: pip install {tool}"]


def test_what_does_not_apply(folder: Path, edit: Edit) -> None:
    """Without configuration of its own and without tables, a plugin needs neither schema nor migrations."""
    edit("pyproject.toml", "understage.config_schema", "understage.schemas")
    edit(f"{SOURCE}/config.py", 'config.read(ToDoConfig, "toDo")', 'config.read(ToDoConfig, "backend.toDo")')
    (folder / SOURCE / "migrations").rename(folder / "elsewhere")
    assert verdict_of("config-schema", folder).status == "not applicable"
    assert verdict_of("migrations", folder).status == "not applicable"
    edit(f"{SOURCE}/database.py", "", 'TABLE = "CREATE TABLE a (b text)"\n')
    assert verdict_of("migrations", folder).status == "broken"


def test_api_libraries_may_be_imported(folder: Path, edit: Edit) -> None:
    """The *_api library of another plugin is no other plugin."""
    edit(f"{SOURCE}/service.py", "", "from understage.catalog_api import CatalogClient\nfrom . import config\n")
    assert problems("boundaries", folder) == []


def test_the_changelog_of_a_repository_will_do(folder: Path) -> None:
    """A plugin within a repository may be listed in the changelog at its root."""
    (folder / "CHANGELOG.md").rename(folder.parent / "CHANGELOG.md")
    assert verdict_of("changelog", folder).status == "broken"
    (folder.parent / ".git").mkdir()
    assert verdict_of("changelog", folder).status == "kept"


def test_another_copy_is_not_judged(folder: Path, tmp_path: Path) -> None:
    """If the package comes from somewhere else, that is a problem: the source at hand was not looked at."""
    other = tmp_path / "other/plugin_to_do"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("feature = 1\n")
    sys.path.insert(0, str(other.parent))
    sys.path.append(str(folder / "src"))
    (problem,) = problems("feature", folder)
    assert f"was imported from {other.resolve()}/__init__.py, another copy than the one that is checked" in problem


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
