"""Makes the package uvicorn known without its command line, which a backend does not need.

The package imports its command line, and with it click, before any of its modules can be imported: a twentieth of a
start.
"""

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

_NAME = "uvicorn"


def announce_uvicorn() -> None:
    """Lets modules such as `uvicorn.config` be imported; what the package itself offers is there when asked for."""
    spec = None if _NAME in sys.modules else find_spec(_NAME)
    if spec is None or spec.loader is None:
        return  # it is imported already, or its import shall say what is wrong
    package, loader = module_from_spec(spec), spec.loader

    def complete(name: str) -> Any:
        del package.__dict__["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    package.__dict__["__getattr__"] = complete
    sys.modules[_NAME] = package
