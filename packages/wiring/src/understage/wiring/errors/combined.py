"""Several errors as one, where only one can be reported."""

from collections.abc import Sequence

from understage.errors.classes import describe_error
from understage.wiring.errors.base import WiringError


class SeveralProblemsError(WiringError):
    """A plugin or module has more than one problem.

    Attributes:
        errors: the problems.
    """

    name = "SeveralProblemsError"

    def __init__(self, errors: Sequence[WiringError]) -> None:
        """Lists them all."""
        super().__init__(
            f"{len(errors)} problems",
            path=[line for error in errors for line in describe_error(error).split("\n")],
        )
        self.errors = tuple(errors)


def combined(errors: Sequence[WiringError]) -> WiringError:
    """Returns the only error, or one that lists them all."""
    return errors[0] if len(errors) == 1 else SeveralProblemsError(errors)
