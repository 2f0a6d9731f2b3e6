"""Whether this process runs in development."""

import os
from collections.abc import Mapping


def is_development(environment: Mapping[str, str] | None = None) -> bool:
    """Tells whether `NODE_ENV` or `UNDERSTAGE_ENV` is `development`.

    Args:
        environment: the environment variables; by default those of the process.
    """
    variables = os.environ if environment is None else environment
    return "development" in (variables.get("NODE_ENV"), variables.get("UNDERSTAGE_ENV"))
