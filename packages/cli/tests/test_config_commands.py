from pathlib import Path

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from understage.cli.config_commands import config

TEXT = """\
app:
  title: Portal
  baseUrl: http://localhost:3000
backend:
  baseUrl: http://localhost:7007
  database:
    client: pg
    connection: {host: localhost, password: hunter2}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app-config.yaml").write_text(TEXT)
    return tmp_path


def test_print_masks_secrets(folder: Path) -> None:
    """The merged configuration is printed with secrets masked, unless they are asked for."""
    masked = yaml.safe_load(CliRunner().invoke(config, ["print"]).output)
    assert masked["backend"]["database"]["connection"] == {"host": "localhost", "password": "<secret>"}
    shown = CliRunner().invoke(config, ["print", "--with-secrets", "--format", "json"]).output
    assert msgspec.json.decode(shown)["backend"]["database"]["connection"]["password"] == "hunter2"


def test_print_for_the_frontend(folder: Path) -> None:
    """Only what the schemas make visible to browsers is printed with --frontend."""
    printed = yaml.safe_load(CliRunner().invoke(config, ["print", "--frontend"]).output)
    assert printed["app"] == {"title": "Portal", "baseUrl": "http://localhost:3000"}
    assert printed["backend"] == {"baseUrl": "http://localhost:7007"}


def test_check_accepts_a_valid_configuration(folder: Path) -> None:
    """A valid configuration is said to be valid."""
    result = CliRunner().invoke(config, ["check"])
    assert (result.exit_code, result.output) == (0, "Configuration is valid.\n")


def test_check_warns_of_unknown_keys_and_strict_fails(folder: Path) -> None:
    """C53: an unknown key is a warning with file and line, and fails under --strict."""
    (folder / "app-config.yaml").write_text(TEXT.replace("client: pg", "clint: pg"))
    lenient = CliRunner().invoke(config, ["check"])
    assert lenient.exit_code == 0
    assert "app-config.yaml:7:" in lenient.stderr
    assert "backend.database.clint" in lenient.stderr
    assert "did you mean 'client'" in lenient.stderr
    strict = CliRunner().invoke(config, ["check", "--strict"])
    assert strict.exit_code == 1
    assert "Configuration has 1 problem." in strict.stderr


def test_check_lists_every_wrong_type(folder: Path) -> None:
    """C53: all wrong values are listed, and the exit code is 1."""
    (folder / "app-config.yaml").write_text(TEXT + "  trustProxy: {a: 1}\n  workingDirectory: [1]\n")
    result = CliRunner().invoke(config, ["check"])
    assert result.exit_code == 1
    assert "backend.trustProxy" in result.stderr
    assert "backend.workingDirectory" in result.stderr
    assert "Configuration has 2 problems." in result.stderr


def test_schema_and_docs_cover_the_framework(folder: Path) -> None:
    """C51: the schema of all packages is printed as one, and as a page."""
    schema = msgspec.json.decode(CliRunner().invoke(config, ["schema"]).output)
    assert "$schema" in schema
    page = CliRunner().invoke(config, ["docs"]).output
    assert "`backend.database.client`" in page
    assert "`auth.providers.guest" in page
