"""What is judged: the source of a plugin or module, as it lies in its folder."""

import ast
import importlib.util
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from understage.errors import InputError

FEATURE_GROUP = "understage.features"
SCHEMA_GROUP = "understage.config_schema"
_NO_PACKAGES = frozenset({"node_modules", "tests"})
_SHOWN = 3


@dataclass(frozen=True)
class Source:
    """A Python file.

    Attributes:
        path: where it is.
        tree: what it says.
    """

    path: Path
    tree: ast.Module


@dataclass(frozen=True)
class PluginProject:
    """The source of a plugin or module.

    Attributes:
        folder: what holds its pyproject.toml.
        manifest: the content of pyproject.toml.
        import_name: how its package is imported.
        package: the package's folder.
    """

    folder: Path
    manifest: Mapping[str, Any]
    import_name: str
    package: Path

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The table `project` of pyproject.toml."""
        return table(self.manifest, "project")

    @property
    def name(self) -> str:
        """The distribution's name."""
        return str(self.metadata.get("name", self.folder.name))

    @property
    def root(self) -> Path:
        """The folder that the package is imported from."""
        return self.package.parents[self.import_name.count(".")]

    @cached_property
    def sources(self) -> Sequence[Source]:
        """The package's Python files."""
        return list(_sources(self.package))

    @cached_property
    def tests(self) -> Sequence[Source]:
        """The Python files of the folder `tests`, without those that are broken on purpose."""
        return list(_sources(self.folder / "tests", skip_invalid=True))

    def entry_points(self, group: str) -> Mapping[str, str]:
        """Returns what the distribution announces in a group of entry points, by name."""
        return {name: str(value) for name, value in table(self.metadata, "entry-points", group).items()}


def table(mapping: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Returns a table within a TOML document; an empty one if it is missing or no table."""
    for part in path:
        found: Any = mapping.get(part)
        mapping = cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
    return mapping


def find_project(target: str) -> PluginProject:
    """Finds the source of a plugin or module.

    Args:
        target: a folder with a pyproject.toml, or an import name whose source lies below such a folder.

    Raises:
        InputError: there is no such folder or package, its source is not there, or it has none or several packages.
    """
    if Path(target).is_dir():
        folder = Path(target).resolve()
        if not (folder / "pyproject.toml").is_file():
            raise InputError(
                f"there is no pyproject.toml in {folder}: expected the folder of a plugin or module\n"
                "  hint: `understage new plugin ID` writes one"
            )
        return _project(folder, None)
    package = _locate(target)
    for folder in package.parents:
        if (folder / "pyproject.toml").is_file() and "site-packages" not in package.parts:
            return _project(folder, (target, package))
    raise InputError(
        f"the source of package '{target}' is not here: {package} is an installed copy, without tests and README\n"
        "  hint: check the folder that it is built from: understage plugin check PATH"
    )


def _locate(import_name: str) -> Path:
    parts = import_name.split(".")
    try:
        spec = importlib.util.find_spec(import_name) if all(part.isidentifier() for part in parts) else None
    except ModuleNotFoundError:  # of a parent
        spec = None
    if spec is None or spec.origin is None:
        raise InputError(f"'{import_name}' is neither a folder nor an installed package")
    return Path(spec.origin).resolve().parent


def _project(folder: Path, package: tuple[str, Path] | None) -> PluginProject:
    path = folder / "pyproject.toml"
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read", error) from error
    import_name, location = package or _only_package(folder)
    return PluginProject(folder, manifest, import_name, location)


def _only_package(folder: Path) -> tuple[str, Path]:
    root = folder / "src" if (folder / "src").is_dir() else folder
    found = {".".join(package.relative_to(root).parts): package for package in _packages(root)}
    if len(found) != 1:
        names = ", ".join([*list(found)[:_SHOWN], *(["..."] if len(found) > _SHOWN else [])])
        raise InputError(f"expected one package below {root}, found {len(found)}{f': {names}' if names else ''}")
    return next(iter(found.items()))


def _packages(folder: Path) -> Iterator[Path]:
    """Finds the outermost folders with an __init__.py, as those above may be namespaces."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name.isidentifier() and entry.name not in _NO_PACKAGES:
            if (entry / "__init__.py").is_file():
                yield entry
            else:
                yield from _packages(entry)


def _sources(folder: Path, *, skip_invalid: bool = False) -> Iterator[Source]:
    for path in sorted(folder.rglob("*.py")):
        try:
            yield Source(path, ast.parse(path.read_text(encoding="utf-8")))
        except (SyntaxError, ValueError) as error:
            if skip_invalid:
                continue
            raise InputError(f"{path} is no valid Python", error) from error
