"""What a package announces: its feature, and the schema of its configuration."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from understage.cli.plugin_check.loading import load
from understage.cli.plugin_check.project import FEATURE_GROUP, SCHEMA_GROUP, PluginProject, Source
from understage.cli.plugin_check.rule import Problem
from understage.config import ConfigSchema
from understage.errors import UnderstageError
from understage.plugin_api import (
    BackendModule,
    BackendPlugin,
    FeatureLoader,
    ModuleFeature,
    PluginFeature,
    ServiceFactory,
)

FEATURES = (BackendModule, BackendPlugin, FeatureLoader, ModuleFeature, PluginFeature, ServiceFactory)
SHARED_SECTIONS = frozenset({"app", "backend", "integrations", "organization"})


def check_feature(project: PluginProject) -> Iterator[Problem]:
    """Finds out whether `package.feature` is something that a backend can add."""
    file = project.package / "__init__.py"
    try:
        feature: object = getattr(load(project, project.import_name), "feature", None)
    except UnderstageError as error:
        yield Problem(str(error), file)
        return
    if feature is None:
        yield Problem("the package has no attribute 'feature': import the plugin or module under this name", file)
    elif not isinstance(feature, FEATURES):
        yield Problem(
            f"'feature' is an object of type {type(feature).__name__}: expected what @create_backend_plugin or "
            "@create_backend_module makes",
            file,
        )


def check_entry_point(project: PluginProject) -> Iterator[Problem]:
    """Finds out whether an entry point leads to the package's feature."""
    manifest = project.folder / "pyproject.toml"
    points = project.entry_points(FEATURE_GROUP)
    if not _names_package(points, project):
        found = f"; found {', '.join(points.values())}" if points else ""
        expected = f'[project.entry-points."{FEATURE_GROUP}"] with {project.name} = "{project.import_name}"'
        yield Problem(f"expected {expected}{found}", manifest)
        return
    for reference in points.values():
        try:
            announced = load(project, reference)
        except UnderstageError as error:
            yield Problem(str(error), manifest)
            continue
        if not isinstance(getattr(announced, "feature", announced), FEATURES):
            yield Problem(f"'{reference}' is neither a feature nor a package that has one", manifest)


def check_schema(project: PluginProject) -> list[Problem] | None:
    """Finds out whether the schema of a package that reads configuration is announced and valid."""
    points = project.entry_points(SCHEMA_GROUP)
    manifest = project.folder / "pyproject.toml"
    if not points:
        reads = next((place for source in project.sources for place in _reads_configuration(source)), None)
        if reads is None:
            return None
        return [
            Problem(
                f'expected [project.entry-points."{SCHEMA_GROUP}"] with {project.name} = '
                f'"{project.import_name}.config:schema", as configuration is read here',
                *reads,
            )
        ]
    problems: list[Problem] = []
    for name, reference in points.items():
        try:
            ConfigSchema({name: load(project, reference)}).to_json_schema()
        except UnderstageError as error:
            problems.append(Problem(str(error), manifest))
    return problems


def _names_package(points: Mapping[str, str], project: PluginProject) -> bool:
    modules = [value.partition(":")[0] for value in points.values()]
    return any(f"{module}.".startswith(f"{project.import_name}.") for module in modules)


def _reads_configuration(source: Source) -> Iterator[tuple[Path, int]]:
    """Finds literal keys that are read from sections which no other schema describes."""
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        method = node.func.attr
        keys = node.args[:1] if method.startswith("get_") else node.args[1:2] if method == "read" else []
        owner = node.func.value
        named_config = isinstance(owner, ast.Name) and "config" in owner.id
        for key in keys if named_config else ():
            name = key.value if isinstance(key, ast.Constant) else None
            if isinstance(name, str) and name.split(".")[0] not in SHARED_SECTIONS:
                yield source.path, node.lineno
