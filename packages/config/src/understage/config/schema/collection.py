"""Collecting the schemas of installed packages.

A package announces its schema by an entry point in the group `understage.config_schema`:

    [project.entry-points."understage.config_schema"]
    acme-todo = "acme_todo.config:schema"

The object is a JSON Schema as a dict, a model class, a callable that returns either, or the path of a JSON file.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

from understage.config.errors import ConfigSchemaError
from understage.config.schema.document import SchemaDocument
from understage.config.schema.model import config_schema

ENTRY_POINT_GROUP = "understage.config_schema"


def installed_schemas(points: Iterable[EntryPoint] | None = None) -> list[SchemaDocument]:
    """Loads the schemas that installed packages announce, in the order of their names.

    Args:
        points: the entry points; those of the environment by default.

    Raises:
        ConfigSchemaError: one cannot be imported or read, or is no schema.
    """
    found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    return [_load(point) for point in sorted(found, key=lambda point: point.name)]


def document_of(name: str, declared: Any) -> SchemaDocument:
    """Makes a schema of what a package declares.

    Args:
        name: who declares it.
        declared: a JSON Schema as a dict, a model class, a callable that returns either, or the path of a JSON file.

    Raises:
        ConfigSchemaError: it is none of these, or the file cannot be read.
    """
    if isinstance(declared, SchemaDocument):
        return declared
    if isinstance(declared, Mapping):
        return SchemaDocument(name, cast("Mapping[str, Any]", declared))
    if isinstance(declared, str | Path | Traversable):
        return document_of(name, _read(name, Path(declared) if isinstance(declared, str) else declared))
    if isinstance(declared, type):
        return SchemaDocument(name, config_schema(declared))
    if callable(declared):
        return document_of(name, cast("Callable[[], Any]", declared)())
    raise ConfigSchemaError(
        f"{name} declares a {type(declared).__name__} as its configuration schema; expected a JSON Schema as a dict, "
        "a model class, a callable that returns either, or the path of a JSON file"
    )


def _load(point: EntryPoint) -> SchemaDocument:
    try:
        return document_of(point.name, point.load())
    except ConfigSchemaError:
        raise
    except Exception as error:
        # Importing a package runs its code, which may raise anything.
        message = f"the configuration schema of {point.name} cannot be loaded from {point.value}"
        raise ConfigSchemaError(message, cause=error) from error


def _read(name: str, file: Traversable | Path) -> Any:
    try:
        schema = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigSchemaError(f"the configuration schema of {name} cannot be read from {file}: {error}") from None
    if not isinstance(schema, dict):
        raise ConfigSchemaError(f"the configuration schema of {name} in {file} is not an object")
    return cast("dict[str, Any]", schema)
