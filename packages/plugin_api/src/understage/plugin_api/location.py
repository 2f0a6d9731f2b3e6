"""Where in somebody's code a thing was declared, for error messages."""

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """A place in a source file.

    Attributes:
        file: path of the file as Python knows it.
        line: line number, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        """Returns `file:line`, the file relative to the working directory where it lies below it."""
        return f"{_shown(self.file, os.getcwd())}:{self.line}"  # noqa: PTH109 - reports print thousands of these


@lru_cache(maxsize=4096)
def _shown(file: str, working_directory: str) -> str:
    path = Path(file)
    return (path.relative_to(working_directory) if path.is_relative_to(working_directory) else path).as_posix()


def location_of(target: Any) -> CodeLocation | None:
    """Returns where a function (or what wraps one) was defined, if that is known."""
    function = getattr(target, "__wrapped__", target)
    if not isinstance(function, FunctionType):
        function = getattr(function, "__func__", None) or getattr(function, "func", None)
    code = getattr(function, "__code__", None)
    return CodeLocation(code.co_filename, code.co_firstlineno) if code is not None else None


def caller_location(depth: int = 2) -> CodeLocation:
    """Returns where the caller of the calling function stands.

    Args:
        depth: how many frames up; 2 is the caller of the function that calls this one.
    """
    frame = sys._getframe(depth)  # noqa: SLF001 - inspect.stack() reads source files and costs milliseconds
    return CodeLocation(frame.f_code.co_filename, frame.f_lineno)
