"""Finding the backend that a command is about: `MODULE:ATTRIBUTE`, by default `main:backend`."""

import importlib
import importlib.util
import sys
from pathlib import Path

from understage.errors import InputError
from understage.wiring import Backend

DEFAULT_TARGET = "main:backend"


def load_backend(target: str) -> Backend:
    """Imports a backend.

    Args:
        target: `MODULE:ATTRIBUTE`, `MODULE` (its attribute `backend`), or a path to a Python file. Modules are looked
            for in the working directory first.

    Raises:
        InputError: there is no such module or attribute, or it is no backend.
    """
    module_name, _, attribute = target.partition(":")
    attribute = attribute or "backend"
    if module_name.endswith(".py"):
        path = Path(module_name)
        folder, module_name = path.parent, path.stem
    else:
        folder = Path()
    sys.path.insert(0, str(folder.resolve()))
    if importlib.util.find_spec(module_name) is None:
        raise InputError(
            f"there is no module '{module_name}' in {folder.resolve()} or among the installed packages\n"
            f"  hint: run this where your main.py is, or name the backend: understage COMMAND MODULE:ATTRIBUTE"
        )
    backend = getattr(importlib.import_module(module_name), attribute, None)
    if not isinstance(backend, Backend):
        problem = "has no attribute" if backend is None else f"is a {type(backend).__name__}, not a backend, at"
        raise InputError(
            f"module '{module_name}' {problem} '{attribute}'\n"
            f"  hint: write 'backend = create_backend()' at the top level of the module"
        )
    return backend
