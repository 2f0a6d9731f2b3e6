"""Each rule of `understage plugin check` finds what breaks it."""

import sys
from pathlib import Path

import pytest
from packages.cli.tests.plugin_check.judging import SOURCE, Edit, problems, verdict_of

from understage.cli.plugin_check.rules import tools


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
