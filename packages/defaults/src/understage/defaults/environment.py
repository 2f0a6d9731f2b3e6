"""What the process environment says about how to run."""

import os
from collections.abc import Mapping

_VARIABLES = ("UNDERSTAGE_ENV", "NODE_ENV")


def is_development(env: Mapping[str, str] | None = None) -> bool:
    """Tells whether this is a developer's machine: error answers then carry tracebacks and JSON is indented.

    Args:
        env: environment variables; by default the process's. `UNDERSTAGE_ENV` decides; without it `NODE_ENV`.
    """
    env = os.environ if env is None else env
    return next((env[name] == "development" for name in _VARIABLES if env.get(name)), False)
