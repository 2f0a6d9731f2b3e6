"""What FastAPI found wrong with a request, in a sentence."""

from collections.abc import Iterable, Mapping
from typing import Any

from understage.errors import InputError


def validation_error(error: Any) -> InputError:
    """Returns the input error that stands for a `RequestValidationError`.

    Args:
        error: the exception; its `errors()` lists what is wrong and where.
    """
    found: Iterable[Mapping[str, Any]] = error.errors()
    problems = [f"{_place(problem.get('loc', ()))}: {problem.get('msg', 'invalid')}" for problem in found]
    return InputError(f"Invalid request: {'; '.join(problems)}")


def _place(location: Iterable[str | int]) -> str:
    """Writes a location such as `('body', 'items', 0, 'name')` as `body.items[0].name`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "request"
