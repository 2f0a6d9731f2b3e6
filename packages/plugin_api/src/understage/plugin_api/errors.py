"""Errors in the declaration of features and references."""

from understage.errors import InputError
from understage.plugin_api.location import CodeLocation


class FeatureDeclarationError(InputError):
    """A feature was declared in a way that cannot work.

    Args:
        problem: what is wrong, naming the thing.
        location: where it was declared.
        hint: what to do.
    """

    name = "FeatureDeclarationError"

    def __init__(self, problem: str, *, location: CodeLocation | None = None, hint: str | None = None) -> None:
        """Joins problem, place and remedy into one text."""
        place = f" ({location})" if location is not None else ""
        remedy = f"\n  hint: {hint}" if hint else ""
        super().__init__(f"{problem}{place}{remedy}")
        self.problem = problem
        self.location = location
        self.hint = hint


class DependencyDeclarationError(FeatureDeclarationError):
    """A function's parameters do not say what to pass."""

    name = "DependencyDeclarationError"
