"""Finding the backend that a command is about: `MODULE:ATTRIBUTE`, by default `main:backend`."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from understage.errors import InputError
from understage.wiring import Backend

DEFAULT_TARGET = "main:backend"


def pass_configs(target: str, configs: Sequence[str]) -> None:
    """Hands configuration files on to a backend, which reads the process's arguments as under `python main.py`.

    Args:
        target: what stands for the program's name.
        configs: files and URLs, the last one wins.
    """
    sys.argv = [target, *(argument for config in configs for argument in ("--config", config))]


def load_backend(target: str) -> Backend:
    """Imports a backend.

    Args:
        target: `MODULE:ATTRIBUTE`, `MODULE` (its attribute `backend`), or a path to a Python file. Modules are looked
            for in the working directory first.

    Raises:
        InputError: there is no such module or attribute, it cannot be imported, or it is no backend.
    """
    module_name, _, attribute = target.partition(":")
    attribute = attribute or "backend"
    folder = Path()
    if module_name.endswith(".py"):
        path = Path(module_name)
        folder, module_name = path.parent, path.stem
    sys.path.insert(0, str(folder.resolve()))
    if not _exists(module_name):
        raise InputError(
            f"there is no module '{module_name}' in {folder.resolve()} or among the installed packages\n"
            f"  hint: run this where your main.py is, or name the backend: understage COMMAND MODULE:ATTRIBUTE"
        )
    backend = getattr(_import(module_name), attribute, None)
    if not isinstance(backend, Backend):
        problem = (
            f"has no attribute '{attribute}'"
            if backend is None
            else f"has no backend at '{attribute}', but an object of type {type(backend).__name__}"
        )
        raise InputError(
            f"module '{module_name}' {problem}\n"
            f"  hint: write 'backend = create_backend()' at the top level of the module"
        )
    return backend


def _exists(module_name: str) -> bool:
    try:
        return bool(module_name) and importlib.util.find_spec(module_name) is not None
    except ModuleNotFoundError:  # of a parent
        return False


def _import(module_name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        # The module is the user's own, so anything may happen in it.
        raise InputError(f"module '{module_name}' cannot be imported{_place(error)}", error) from error


def _place(error: Exception) -> str:
    """Says where an error comes from: the faulty line of source, else the last one that ran."""
    if isinstance(error, SyntaxError):
        return ""  # its own text says it
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
