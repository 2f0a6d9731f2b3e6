"""Finds calls that block the event loop."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

from understage.errors import InputError

# Imports at first use keep starts fast, and tracebacks quote sources; asking for the working directory blocks nobody.
_ALLOWED = (
    ("<frozen importlib._bootstrap>", {"_find_and_load"}),
    ("traceback.py", {"format_exception", "print_exception"}),
)


@contextmanager
def detect_blocking_calls_of(packages: Iterable[str]) -> Iterator[None]:
    """Makes calls raise that block the event loop, such as file access or `time.sleep`, if these packages make them.

    Args:
        packages: import names; `understage` stands for all of its portions but the testing kit.

    Raises:
        InputError: a package, or the detector itself, is not installed.
    """
    try:
        from blockbuster import BlockBuster
    except ImportError as error:
        raise InputError("detecting blocking calls needs blockbuster: pip install blockbuster") from error
    folders = [folder for package in packages for folder in _folders(package)]
    detector = BlockBuster(
        scanned_modules=[_at(folder) for folder in folders],
        excluded_modules=[_at(folder) for folder in _folders("understage.testing")],
    )
    del detector.functions["os.getcwd"]
    for function in detector.functions.values():
        for file, names in _ALLOWED:
            function.can_block_in(file, names)
    detector.activate()
    try:
        yield
    finally:
        detector.deactivate()


def _folders(package: str) -> list[str]:
    found: list[str] = []
    if package in sys.modules:
        found.extend(getattr(sys.modules[package], "__path__", ()))
    elif (spec := find_spec(package)) is not None:
        found.extend(spec.submodule_search_locations or ())
    if not found:
        raise InputError(f"cannot detect blocking calls of '{package}': there is no such package")
    return found


def _at(folder: str) -> ModuleType:
    # The detector takes modules and looks at their folders; a namespace package has several.
    module = ModuleType("package")
    module.__path__ = [folder]
    return module
