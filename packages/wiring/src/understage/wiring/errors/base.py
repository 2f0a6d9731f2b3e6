"""The base of the container's errors: a headline, a drawn path, a hint."""

from collections.abc import Sequence

from understage.errors import UnderstageError
from understage.errors.classes import describe_error


class WiringError(UnderstageError):
    """Something about how features and services fit together is wrong.

    Args:
        problem: what is wrong, naming the thing.
        path: lines that draw how one gets there, each with its own indentation.
        hint: what to do about it.
        cause: the error behind this one; its name and message are kept in the text.

    Attributes:
        problem: the headline alone.
        path: the drawn lines.
        hint: the remedy, if one is known.
    """

    name = "WiringError"

    def __init__(
        self,
        problem: str,
        *,
        path: Sequence[str] = (),
        hint: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        """Joins headline, path and hint into one text."""
        if cause is not None:
            problem = f"{problem}; caused by {describe_error(cause)}"
        text = "\n".join([problem, *(f"    {line}" for line in path), *([f"  hint: {hint}"] if hint else [])])
        super().__init__(text)
        self.__cause__ = cause
        self.problem = problem
        self.path = tuple(path)
        self.hint = hint


def at(location: object) -> str:
    """Returns a place as it ends a drawn line, or nothing if it is unknown."""
    return f"   ({location})" if location is not None else ""
