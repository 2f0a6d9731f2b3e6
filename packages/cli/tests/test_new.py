"""`understage new`: what it writes passes its own tests, lint and types, and runs."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from understage.cli.main import cli
from understage.cli.new.names import LONGEST_ID, camel_case, check_id, import_name
from understage.errors import InputError
from understage.plugin_api import DatabaseService

if TYPE_CHECKING:
    from packages.cli.tests.conftest import Project

PATIENCE_SECONDS = 20
LONG = "abcdefghij-abcdefghij-abcdefghij"
VARIANTS = {
    "shop": ["backend", "shop"],
    "plugin-to-do": ["plugin", "to-do"],
    "a": ["plugin", "a", "--path", "a"],
    "acme-long": ["plugin", LONG, "--package", "acme-long"],
    f"plugin-{LONG}": ["plugin", LONG],
    "plugin-catalog-module-labels": ["module", "labels", "--plugin", "catalog"],
    f"plugin-catalog-module-{LONG}": ["module", LONG, "--plugin", "catalog"],
    "plugin-to-do-module-extra": ["module", "extra", "--plugin", "to-do"],
    f"plugin-{LONG}-module-{LONG}": ["module", LONG, "--plugin", LONG],
}
ORDINARY = ["shop", "plugin-to-do", "plugin-catalog-module-labels", "plugin-to-do-module-extra"]


def new(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["new", *arguments], catch_exceptions=False)


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    settings = ("UNDERSTAGE_", "NODE_ENV", "LOG_LEVEL", "APP_CONFIG_", "BACKSTAGE_ENV", "PYTEST_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(settings)}
    command = (sys.executable, "-m", *command)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_written_passes_lint(folder: Path, name: str) -> None:
    """Whatever the names are, short or long, ruff with the written configuration finds nothing to check or format."""
    assert new(*VARIANTS[name]).exit_code == 0
    for command in (["check"], ["format", "--check", "--diff"]):
        done = run(folder / name, "ruff", *command, "--no-cache")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [*ORDINARY, f"plugin-{LONG}"])
def test_what_is_written_passes_its_own_tests(folder: Path, name: str) -> None:
    """The written tests pass, and each of the things has some."""
    new(*VARIANTS[name])
    done = run(folder / name, "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_what_is_written_is_typed(folder: Path) -> None:
    """mypy --strict with the written configuration finds nothing in packages and tests."""
    for name in ORDINARY:
        new(*VARIANTS[name])
        done = run(folder / name, "mypy", "--cache-dir", str(folder / "cache"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("Success: no issues found in ")


async def test_the_written_queries_work_on_every_database(
    folder: Path, database: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migration and queries of a written plugin run on SQLite and on Postgres."""
    new("plugin", "on-both", "--path", "on-both")
    monkeypatch.syspath_prepend(folder / "on-both/src")
    try:
        table_module = importlib.import_module("plugin_on_both.database")
        table = table_module.ItemTable(database)
        await table.migrate()
        items = [table_module.Item(id=name, title=name, created_by="user:default/a") for name in ("b", "a", "c")]
        for item in items:
            await table.insert(item)
        assert await table.newest(2) == [items[2], items[1]]
        assert (await table.find("a"), await table.find("d")) == (items[1], None)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "plugin_on_both"]:
            del sys.modules[name]


def request(url: str, *, token: str = "", body: Any = None) -> Any:
    """Asks until there is an answer, as the backend needs a moment to start."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=5) as response:
                return json.load(response)
        except urllib.error.URLError as error:
            answered = isinstance(error, urllib.error.HTTPError) and error.code not in (404, 503)
            if answered or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_a_written_backend_serves_a_written_plugin(folder: Path, port: int) -> None:
    """A backend with a plugin, a module of it and one of the catalog starts, and serves what they make together."""
    backend = folder / "shop"
    for arguments in (
        ["backend", "shop"],
        ["plugin", "to-do", "--path", "shop/plugins/to-do"],
        ["module", "extra", "--plugin", "to-do", "--path", "shop/plugins/extra"],
        ["module", "labels", "--plugin", "catalog", "--path", "shop/plugins/labels"],
    ):
        assert new(*arguments).exit_code == 0
    main = (backend / "main.py").read_text()
    features = ["plugin_to_do", "plugin_to_do_module_extra", "plugin_catalog_module_labels"]
    added = "".join(f'backend.add("{feature}")\n' for feature in features)
    (backend / "main.py").write_text(main.replace("\nif __name__", f"{added}\nif __name__"))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(backend / f"plugins/{name}/src") for name in ("to-do", "extra", "labels")),
        "APP_CONFIG_backend_listen": f"127.0.0.1:{port}",
        "APP_CONFIG_backend_baseUrl": f"http://127.0.0.1:{port}",
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "main.py"], cwd=backend, env=environment, stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}/api"
        token = request(f"{url}/auth/guest/refresh")["backstageIdentity"]["token"]
        item = request(f"{url}/to-do/items", token=token, body={"title": "Tea"})
        assert item["createdBy"] == "user:default/guest"
        assert request(f"{url}/to-do/items", token=token) == {"items": [item]}
        component = request(f"{url}/catalog/entities/by-name/component/default/shop", token=token)
        assert component["metadata"]["labels"] == {"labels/lifecycle": "experimental"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        assert "The plugin is extended" in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_the_production_configuration_is_valid(folder: Path) -> None:
    """Both written configuration files pass the strict check, given the environment that the README names."""
    new("backend", "shop")
    variables = {"BASE_URL": "https://shop.example.net", "POSTGRES_HOST": "db", "POSTGRES_USER": "u"}
    files = ["--config", "app-config.yaml", "--config", "app-config.production.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "understage.cli", "config", "check", "--strict", *files],
        cwd=folder / "shop",
        env={"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": "p", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Configuration is valid.\n"), done.stderr


def test_what_was_written_is_listed(folder: Path) -> None:
    """The files are listed, and what to do next."""
    result = new("module", "labels", "--plugin", "catalog", "--path", "modules/labels")
    lines = result.output.splitlines()
    assert lines[0] == "Created module 'labels' of plugin 'catalog' in modules/labels:"
    listed = {line.strip() for line in lines[1 : lines.index("Next:")]}
    written = {path.relative_to("modules/labels").as_posix() for path in Path("modules/labels").rglob("*")}
    assert listed == {path for path in written if (Path("modules/labels") / path).is_file()}
    assert lines[-1] == '  add backend.add("plugin_catalog_module_labels") to the main.py of your backend'


def test_a_package_has_the_name_that_is_asked_for(folder: Path) -> None:
    """--package names the distribution, from which the import name and the folder follow."""
    new("plugin", "to-do", "--package", "acme-to-do")
    assert 'name = "acme-to-do"' in (folder / "acme-to-do/pyproject.toml").read_text()
    assert "from acme_to_do.plugin import feature" in (folder / "acme-to-do/src/acme_to_do/__init__.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["plugin", "FooBar_baz"],
            (
                "plugin 'FooBar_baz' is not kebab-case: expected lower-case letters and digits, a letter first, "
                "words separated by '-'\n  hint: 'foo-bar-baz' would do"
            ),
        ),
        (
            ["backend", "../x y/"],
            (
                "backend '../x y/' is not kebab-case: expected lower-case letters and digits, a letter first, words "
                "separated by '-'\n  hint: 'x-y' would do"
            ),
        ),
        (
            ["module", "é", "--plugin", "catalog"],
            (
                "module 'é' is not kebab-case: expected lower-case letters and digits, a letter first, words "
                "separated by '-'"
            ),
        ),
        (["plugin", "a" * 33], f"plugin '{'a' * 33}' has 33 characters: expected 32 at most"),
        (
            ["plugin", "to-do", "--package", "json"],
            (
                "package 'json' cannot be imported as 'json', which is taken already\n"
                "  hint: put a name of your own before it, such as 'acme-json'"
            ),
        ),
        (
            ["plugin", "to-do", "--package", "understage"],
            (
                "package 'understage' cannot be imported as 'understage', which is taken already\n"
                "  hint: put a name of your own before it, such as 'acme-understage'"
            ),
        ),
    ],
)
def test_names_are_checked(folder: Path, arguments: list[str], message: str) -> None:
    """A name that would not do is an error that says why and proposes another; nothing is written."""
    with pytest.raises(InputError) as caught:
        new(*arguments)
    assert str(caught.value) == message
    assert list(folder.iterdir()) == []


@given(st.text(alphabet="aB3é-_ ./", max_size=40) | st.text())
def test_a_name_is_taken_or_another_proposed(name: str) -> None:
    """Any text is either a name, or refused; what is proposed instead would be taken if it is short enough."""
    try:
        check_id("plugin", name)
    except InputError as error:
        proposed = re.search(r"hint: '(.*)' would do", str(error))
        if proposed and len(proposed[1]) <= LONGEST_ID:
            check_id("plugin", proposed[1])
    else:
        assert import_name(name).isidentifier()
        assert camel_case(name).isalnum()


def test_nothing_is_overwritten(folder: Path) -> None:
    """A folder with something in it is refused and left alone; an empty one is taken."""
    (folder / "plugin-to-do").mkdir()
    assert new("plugin", "to-do").exit_code == 0
    (folder / "plugin-to-do/README.md").write_text("mine")
    with pytest.raises(InputError) as caught:
        new("plugin", "to-do")
    assert str(caught.value) == (
        "plugin-to-do exists already and is not an empty folder; nothing was written\n"
        "  hint: choose another folder with --path"
    )
    assert (folder / "plugin-to-do/README.md").read_text() == "mine"
    (folder / "file").touch()
    with pytest.raises(InputError, match="file exists already"):
        new("backend", "shop", "--path", "file")
    with pytest.raises(InputError, match=r"cannot write into file/shop; caused by NotADirectoryError"):
        new("backend", "shop", "--path", "file/shop")


def test_a_module_needs_its_plugin(project: "Project") -> None:
    """Without --plugin it is wrong usage; a bad name is one line on standard error."""
    done = project.understage("new", "module", "labels")
    assert done.returncode == 2
    assert "Missing option '--plugin'" in done.stderr
    done = project.understage("new", "plugin", "-x-")
    assert done.returncode == 2
    done = project.understage("new", "plugin", "X")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("hint: 'x' would do\n")
