import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import pytest

from understage.config import ConfigSchema, ConfigSchemaError, config_from_data
from understage.config.schema.collection import ENTRY_POINT_GROUP, document_of, installed_schemas


class Model(msgspec.Struct):
    port: int = 0


SCHEMA = {"type": "object", "properties": {"port": {"type": "integer"}}}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package whose module declares schemas in every form."""
    (tmp_path / "acme_schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "acme_schemas.py").write_text(
        "import pathlib\nfrom importlib import resources\nimport msgspec\n"
        f"inline = {SCHEMA!r}\n"
        "class Model(msgspec.Struct):\n    port: int = 0\n"
        "def made():\n    return Model\n"
        "path = pathlib.Path(__file__).parent / 'acme_schema.json'\n"
        "text = str(path)\n"
        "nothing = 5\n"
    )
    (tmp_path / "acme_broken.py").write_text("import acme_does_not_exist\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("attribute", ["inline", "Model", "made", "path", "text"])
def test_packages_announce_schemas_in_any_form(package: Path, attribute: str) -> None:
    """C51: an entry point leads to a dict, a model class, a function or a JSON file."""
    documents = installed_schemas([EntryPoint("acme", f"acme_schemas:{attribute}", ENTRY_POINT_GROUP)])
    schema = ConfigSchema({document.name: document for document in documents})
    assert schema.names == ["acme"]
    assert schema.validate(config_from_data({"port": 1})) == []
    problems = schema.validate(config_from_data({"port": "x"}))
    assert [(problem.key, problem.declared_by) for problem in problems] == [("port", "acme")]


def test_all_installed_packages_are_asked(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C51: every package with an entry point is collected, in the order of names, and further schemas may be given."""
    points = [EntryPoint(name, "acme_schemas:inline", ENTRY_POINT_GROUP) for name in ("b", "a")]
    monkeypatch.setattr(
        "understage.config.schema.collection.entry_points", lambda group: points if group == ENTRY_POINT_GROUP else []
    )
    assert ConfigSchema.from_packages({"mine": Model}).names == ["a", "b", "mine"]


def test_the_group_is_the_documented_one() -> None:
    """C51: the entry point group that packages write into their metadata."""
    assert ENTRY_POINT_GROUP == "understage.config_schema"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("acme_broken:schema", "acme cannot be loaded from acme_broken:schema; caused by .*acme_does_not_exist"),
        ("acme_schemas:gone", "acme cannot be loaded from acme_schemas:gone"),
        ("acme_schemas:nothing", "acme declares a int as its configuration schema; expected a JSON Schema as a dict"),
    ],
)
def test_a_schema_that_cannot_be_imported_fails_the_loading(package: Path, value: Any, reason: str) -> None:
    """C52: a bad import fails schema loading, naming the package."""
    with pytest.raises(ConfigSchemaError, match=reason):
        installed_schemas([EntryPoint("acme", value, ENTRY_POINT_GROUP)])


def test_files_that_are_no_schema_are_errors(tmp_path: Path) -> None:
    """C52: a missing, broken or odd JSON file fails schema loading, naming the file."""
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    for name, reason in [
        ("none.json", "cannot be read from .*none.json"),
        ("broken.json", "cannot be read"),
        ("list.json", "is not an object"),
    ]:
        with pytest.raises(ConfigSchemaError, match=reason):
            document_of("acme", tmp_path / name)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("other.json#/x", "inline it"),
        ("#/definitions/Gone", "which it does not have"),
        ("#/properties/a/0", "does not have"),
    ],
)
def test_references_that_lead_nowhere_are_errors(reference: Any, reason: str) -> None:
    """C52: a reference must be resolvable inside the schema."""
    with pytest.raises(ConfigSchemaError, match=f"the schema of acme refers to '{reference}'.*{reason}"):
        ConfigSchema({"acme": {"properties": {"a": {"$ref": reference}}}})


def test_an_invalid_json_schema_is_an_error() -> None:
    """C52: what is not a JSON Schema is refused before anything is validated by it."""
    with pytest.raises(ConfigSchemaError, match="the schema of acme is not a valid JSON Schema"):
        ConfigSchema({"acme": {"type": "objekt"}}).validate(config_from_data({}))
