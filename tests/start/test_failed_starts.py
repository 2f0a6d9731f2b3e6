"""Starts that must fail: one clear message, exit code 1, no traceback."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.processes import free_port

MAIN = """\
from understage.defaults import create_backend

backend = create_backend()
{features}
if __name__ == "__main__":
    backend.run()
"""
CONFIG = """\
backend:
  baseUrl: http://localhost:{port}
  listen: 127.0.0.1:{port}
  database:
    client: better-sqlite3
    connection: ':memory:'
{more}"""
PLUGIN = """\
from understage.plugin_api import {imports}, PluginRegistrationPoints, create_backend_plugin

@create_backend_plugin(plugin_id="{plugin_id}")
def feature(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init({parameters}) -> None:
        {body}
"""


@dataclass
class Ended:
    """How a start ended: its exit code and everything that it printed."""

    code: int
    printed: str


class Project:
    """A folder with a main.py and an app-config.yaml that a start is tried in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    def write(self, features: str = "", more: str = "", **files: str) -> None:
        (self.folder / "main.py").write_text(MAIN.format(features=features))
        (self.folder / "app-config.yaml").write_text(CONFIG.format(port=self.port, more=more))
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def start(self, *arguments: str, **environment: str) -> Ended:
        env = {key: value for key, value in os.environ.items() if key not in ("UNDERSTAGE_DEBUG", "NODE_ENV")}
        done = subprocess.run(
            [sys.executable, "main.py", *arguments],
            cwd=self.folder,
            env={**env, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def assert_failed_well(ended: Ended, *expected: str) -> None:
    assert ended.code == 1, ended.printed
    assert "Traceback" not in ended.printed, ended.printed
    for text in expected:
        assert text in ended.printed, ended.printed


def plugin(plugin_id: str, parameters: str = "", imports: str = "Logger", body: str = "pass") -> str:
    return PLUGIN.format(plugin_id=plugin_id, parameters=parameters, imports=imports, body=body)


def test_an_unknown_feature(project: Project) -> None:
    """W4, W56: adding a module that does not exist names it."""
    project.write('backend.add("acme_nonsense")\n')
    assert_failed_well(project.start(), "acme_nonsense")


def test_something_that_is_no_feature(project: Project) -> None:
    """W4: adding what is no feature shows the object."""
    project.write("backend.add({'not': 'a feature'})\n")
    assert_failed_well(project.start(), "{'not': 'a feature'}")


def test_a_duplicate_plugin(project: Project) -> None:
    """W62: a plugin added twice is named with both places."""
    project.write("import one, two\nbackend.add(one)\nbackend.add(two)\n", one=plugin("twin"), two=plugin("twin"))
    assert_failed_well(project.start(), "twin", "one.py", "two.py")


def test_a_missing_dependency(project: Project) -> None:
    """W69: a dependency that nobody provides is named with the plugin that wants it."""
    text = plugin("needy", "thing: Thing").replace(
        "@create_backend_plugin",
        "from typing import Annotated\nfrom understage.plugin_api import create_service_ref\n"
        'thing_ref = create_service_ref(int, id="acme.thing")\nThing = Annotated[int, thing_ref]\n\n'
        "@create_backend_plugin",
        1,
    )
    project.write("import needy\nbackend.add(needy)\n", needy=text)
    assert_failed_well(project.start(), "needy", "serviceRef{acme.thing}")


def test_broken_yaml(project: Project) -> None:
    """C6, W56: a file that is no YAML is told with line and column, without the loaders and services that met it."""
    project.write(more="  : [unclosed\n")
    ended = project.start()
    assert_failed_well(ended)
    assert ended.printed == (
        "app-config.yaml:7:3: not valid YAML: did not find expected key (while parsing a block mapping)\n"
        "The backend failed to start and stops now\n"
    )


def test_a_missing_config_file(project: Project) -> None:
    """C6, W56: a file that does not exist is named."""
    project.write()
    ended = project.start("--config", "nowhere.yaml")
    assert_failed_well(ended)
    assert ended.printed == (
        f"the configuration file {project.folder.resolve() / 'nowhere.yaml'} does not exist\n"
        "The backend failed to start and stops now\n"
    )


def test_a_wrong_type_under_a_schema(project: Project) -> None:
    """C53, W56: a value of the wrong type is told with file, line and column."""
    project.write(more="  trustProxy: {a: 1}\n")
    ended = project.start()
    assert_failed_well(ended)
    assert ended.printed == (
        "the configuration is not valid, 1 problem:\n"
        "  app-config.yaml:7:15: backend.trustProxy: "
        "expected a boolean, a number, a string or an array, got an object\n"
        "The backend failed to start and stops now\n"
    )


def test_debug_shows_how_a_broken_configuration_was_met(project: Project) -> None:
    """W56: with UNDERSTAGE_DEBUG the services and loaders that met the broken file are shown, with a traceback."""
    project.write(more="  : [unclosed\n")
    ended = project.start(UNDERSTAGE_DEBUG="1")
    assert ended.code == 1
    assert ended.printed.startswith("app-config.yaml:7:3: not valid YAML")
    assert "Traceback" in ended.printed
    assert "service 'core.rootConfig' could not be created" in ended.printed


def test_an_unreachable_database(project: Project) -> None:
    """S11: a database that does not answer is named with host, port and plugin, without the password."""
    port = free_port()
    project.write(
        "import needy\nbackend.add(needy)\n",
        needy=plugin("needy", "database: Database", "Database", 'await database.fetch("SELECT 1")'),
    )
    (project.folder / "app-config.yaml").write_text(
        CONFIG.format(port=project.port, more="")
        .replace("better-sqlite3", "pg")
        .replace("':memory:'", f"{{host: 127.0.0.1, port: {port}, user: someone, password: hunter2}}")
    )
    ended = project.start()
    assert_failed_well(ended, "needy", f"127.0.0.1:{port}")
    assert "hunter2" not in ended.printed


def test_a_port_in_use(project: Project) -> None:
    """H90: a port that somebody else listens on is named with the key that sets it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        project.port = other.getsockname()[1]
        project.write()
        assert_failed_well(project.start(), str(project.port), "backend.listen")


def test_an_unreadable_key_file(project: Project) -> None:
    """A43: a key file that cannot be read is named with the key of the configuration."""
    store = "  auth:\n    pluginKeyStore:\n      type: static\n      static:\n        keys:\n"
    key = "          - {keyId: a, publicKeyFile: ./missing.pub, privateKeyFile: ./missing.pem}\n"
    body = "await auth.list_public_service_keys()"
    project.write("import needy\nbackend.add(needy)\n", store + key, needy=plugin("needy", "auth: Auth", "Auth", body))
    assert_failed_well(project.start(), "missing.p", "pluginKeyStore")


def test_a_plugin_with_required_options(project: Project) -> None:
    """W1: a plugin that needs options, added without them, is named with the option."""
    text = plugin("picky").replace(
        "PluginRegistrationPoints) -> None", "PluginRegistrationPoints, *, size: int) -> None"
    )
    project.write("import picky\nbackend.add(picky)\n", picky=text)
    assert_failed_well(project.start(), "picky", "size")


def test_a_failing_init(project: Project) -> None:
    """W49, W56, W103: what an init raises is told in one line that names the plugin."""
    project.write("import bad\nbackend.add(bad)\n", bad=plugin("bad", body="raise RuntimeError('out of cheese')"))
    assert_failed_well(project.start(), "bad", "RuntimeError: out of cheese")


def test_debug_shows_the_traceback(project: Project) -> None:
    """W56: with UNDERSTAGE_DEBUG the traceback of a failure is printed."""
    project.write("import bad\nbackend.add(bad)\n", bad=plugin("bad", body="raise RuntimeError('out of cheese')"))
    ended = project.start(UNDERSTAGE_DEBUG="1")
    assert ended.code == 1
    assert "Traceback" in ended.printed
    assert "bad.py" in ended.printed
