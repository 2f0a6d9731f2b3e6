"""The errors that a failed start raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from understage.errors import UnderstageError
from understage.errors.classes import describe_error

if TYPE_CHECKING:
    from understage.wiring.start.results import StartResult


class BackendStartupError(UnderstageError):
    """The backend did not start: plugins or modules failed whose failure the configuration does not permit.

    Attributes:
        result: what became of every plugin and module, permitted failures included.
    """

    name = "BackendStartupError"

    def __init__(self, result: StartResult, heading: str | None = None, lines: Sequence[str] | None = None) -> None:
        """Writes a heading and an indented line for each failure that is not permitted."""
        shown = [_indented(line) for line in (failure_lines(result) if lines is None else lines)]
        super().__init__("\n".join([heading or "the backend failed to start:", *shown]))
        self.result = result


class UnexpectedStartupError(BackendStartupError):
    """The start was aborted by errors that belong to no plugin or module.

    Attributes:
        errors: those errors.
    """

    name = "UnexpectedStartupError"

    def __init__(self, result: StartResult, errors: Sequence[BaseException]) -> None:
        """Lists the errors; the first one is the cause."""
        super().__init__(
            result,
            "the start of the backend was aborted by an unexpected error:"
            if len(errors) == 1
            else f"the start of the backend was aborted by {len(errors)} unexpected errors:",
            [describe_error(error) for error in errors],
        )
        self.errors = tuple(errors)
        self.__cause__ = errors[0]


def failure_lines(result: StartResult) -> list[str]:
    """Returns a line for each failure that is not permitted: plugin, module, `Name: message`."""
    lines: list[str] = []
    for plugin in result.plugins:
        if plugin.failure is not None and not plugin.failure.allowed:
            lines.append(f"plugin '{plugin.plugin_id}' failed; {describe_error(plugin.failure.error)}")
        lines.extend(
            f"module '{module.module_id}' of plugin '{plugin.plugin_id}' failed; {describe_error(module.failure.error)}"
            for module in plugin.modules
            if module.failure is not None and not module.failure.allowed
        )
    return lines


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
