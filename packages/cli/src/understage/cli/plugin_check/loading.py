"""Importing what a project announces."""

import importlib
import sys
from pathlib import Path
from typing import Any

from understage.cli.plugin_check.project import PluginProject
from understage.errors import InputError


def load(project: PluginProject, reference: str) -> Any:
    """Imports an object of a project, from its source.

    Args:
        project: the project.
        reference: `package.module` or `package.module:attribute`.

    Raises:
        InputError: it cannot be imported, there is no such attribute, or another copy of the package was imported.
    """
    module_name, _, attribute = reference.partition(":")
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))
    importlib.invalidate_caches()
    try:
        value = module = importlib.import_module(module_name)
        for name in attribute.split(".") if attribute else ():
            value = getattr(value, name)
    except Exception as error:
        # The code is not ours, so anything may happen in it.
        raise InputError(f"'{reference}' cannot be imported", error) from error
    file = Path(module.__file__ or project.root).resolve()
    if f"{module_name}.".startswith(f"{project.import_name}.") and not file.is_relative_to(project.root):
        raise InputError(
            f"'{module_name}' was imported from {file}, another copy than the one that is checked\n"
            "  hint: uninstall that one, or check in an environment of its own"
        )
    return value
