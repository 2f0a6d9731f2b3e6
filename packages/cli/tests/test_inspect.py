"""`understage inspect`, as a process of its own."""

import json
import socket
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from packages.cli.tests.conftest import Project


def test_the_tree_shows_what_is_there(project: "Project") -> None:
    """The tree names the plugin with its place and needs, and the services with where they come from."""
    done = project.understage("inspect")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "backend"
    assert "├─ plugin greeter   (greeter.py:10)" in lines
    assert any("needs core.rootConfig, core.database, core.httpRouter" in line for line in lines)
    assert any("core.rootLogger   root, default" in line for line in lines)


def test_nothing_is_started(project: "Project") -> None:
    """No port is opened, as another process may hold it, and no database is created."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", project.port))
        other.listen()
        done = project.understage("inspect")
    assert done.returncode == 0, done.stderr
    assert not (project.folder / "data").exists()
    assert "time line" not in done.stdout


def test_timings_start_it_beside_another_one(project: "Project") -> None:
    """With --timings the backend is started on a free port, measured and stopped, and a time line is drawn."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", project.port))
        other.listen()
        done = project.understage("inspect", "--timings", COLUMNS="90")
    assert done.returncode == 0, done.stderr
    assert (project.folder / "data").exists()
    heading, *_ = done.stdout.splitlines()
    assert heading.startswith("backend   started after ")
    rows = done.stdout.split("time line\n")[1].splitlines()
    labels = [row.split(" ")[0] for row in rows]
    assert labels[0] == "imports,"
    assert {"core.rootConfig", "core.rootHttpRouter", "greeter"} <= set(labels)
    assert all(row.endswith(" ms") and "━" in row and len(row) <= 90 for row in rows)


def test_json_is_for_programs(project: "Project") -> None:
    """The JSON has what the tree has, and nothing else is printed to standard output, however much is logged."""
    done = project.understage("inspect", "--format", "json", "--timings", LOG_LEVEL="debug")
    report = json.loads(done.stdout)
    assert report["outcome"] == "success"
    assert [plugin["pluginId"] for plugin in report["plugins"]] == ["greeter"]
    assert report["plugins"][0]["times"]["initMs"] > 0
    assert "Listening on http://127.0.0.1:" in done.stderr


def test_pictures_go_into_files(project: "Project") -> None:
    """--output writes a page or a picture that needs nothing but itself."""
    done = project.understage("inspect", "--format", "svg", "--output", "backend.svg")
    assert (done.returncode, done.stdout) == (0, "")
    picture = ElementTree.parse(project.folder / "backend.svg").getroot()
    assert picture.tag.endswith("svg")
    assert "greeter" in "".join(picture.itertext())
    done = project.understage("inspect", "--format", "html", "--output", "backend.html")
    assert done.returncode == 0, done.stderr
    page = (project.folder / "backend.html").read_text()
    assert "greeter" in page
    assert "src=" not in page
    assert "<link" not in page


def test_other_configuration(project: "Project") -> None:
    """--config chooses the files; a mistake in them is shown as a problem, and the exit code is 1."""
    (project.folder / "other.yaml").write_text("backend: {trustProxy: {a: 1}}\n")
    done = project.understage("inspect", "--config", "app-config.yaml", "--config", "other.yaml")
    assert done.returncode == 1
    assert "problem: the configuration is not valid, 1 problem:" in done.stdout
    assert "other.yaml:1:23: backend.trustProxy" in done.stdout


def test_a_missing_dependency_is_shown(project: "Project") -> None:
    """W69: what the start would complain about is in the tree, and the exit code is 1."""
    text = (project.folder / "greeter.py").read_text()
    text = text.replace(
        "GREETING =",
        "from typing import Annotated\nfrom understage.plugin_api import create_service_ref\n"
        'Thing = Annotated[int, create_service_ref(int, id="acme.thing")]\nGREETING =',
    ).replace("(config: RootConfig", "(thing: Thing, config: RootConfig")
    (project.folder / "greeter.py").write_text(text)
    done = project.understage("inspect")
    assert done.returncode == 1
    assert "serviceRef{acme.thing}" in done.stdout


def test_a_start_that_fails_is_shown(project: "Project") -> None:
    """With --timings a plugin that fails is in the report and on standard error, and the exit code is 1."""
    text = (project.folder / "greeter.py").read_text()
    (project.folder / "greeter.py").write_text(text.replace("CREATE TABLE IF", "CREATE TABEL IF"))
    done = project.understage("inspect", "--timings")
    assert done.returncode == 1
    assert done.stdout.startswith("backend   failed to start after ")
    assert "error: the backend failed to start:" in done.stderr
    assert "plugin 'greeter' failed" in done.stderr
    assert "Traceback" not in done.stderr
