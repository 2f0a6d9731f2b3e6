"""Where a configuration value was written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """A place in a configuration source.

    Attributes:
        file: the file's path (relative to the root directory when it lies inside), a URL, `env NAME` or a given name.
        line: the line, counted from 1; None where a source has no lines.
        column: the column, counted from 1; None where a source has no lines.
    """

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.file
        return f"{self.file}:{self.line}" if self.column is None else f"{self.file}:{self.line}:{self.column}"
