"""Reading a section into a model: msgspec structs, dataclasses and pydantic models."""

import re
from typing import Any, TypeVar

from understage.config.errors import ConfigError, ConfigValidationError
from understage.config.keys import Path, path_text
from understage.config.node import Node, nearest_location, to_plain
from understage.config.problem import Problem

T = TypeVar("T")

_MSGSPEC_PATH = re.compile(r"(?P<text>.*) - at `\$(?P<path>[^`]*)`", re.DOTALL)
_PATH_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")


def read_model(model: type[T], node: Node, path: Path) -> T:
    """Converts a tree to a model.

    Args:
        model: what to read it into.
        node: the section's tree.
        path: where the section stands, for errors.

    Raises:
        ConfigError: it does not fit; a `ConfigValidationError` when more than one thing is wrong.
    """
    if hasattr(model, "model_validate"):
        validated: T = _read_pydantic(model, node, path)
        return validated
    import msgspec

    from understage.config.preparation import Preparation

    preparation = Preparation(path)
    prepared = preparation.prepare(node, msgspec.inspect.type_info(model))
    _raise_problems(preparation.problems)
    try:
        return msgspec.convert(prepared, model)
    except msgspec.ValidationError as error:
        match = _MSGSPEC_PATH.fullmatch(str(error))
        text, rest = (match["text"], _parse_path(match["path"])) if match else (str(error), ())
        _raise_problems([_problem(node, path, rest, text[:1].lower() + text[1:])])
        raise


def _read_pydantic(model: Any, node: Node, path: Path) -> Any:
    try:
        return model.model_validate(to_plain(node))
    except ValueError as error:
        errors = getattr(error, "errors", None)
        if errors is None:
            raise ConfigError(str(error), key=path_text(path), location=node.location) from error
        _raise_problems([_problem(node, path, tuple(item["loc"]), item["msg"]) for item in errors()])
        raise


def _raise_problems(problems: list[Problem]) -> None:
    if len(problems) == 1:
        problem = problems[0]
        raise ConfigError(problem.message, key=problem.key, location=problem.location)
    if problems:
        raise ConfigValidationError(problems)


def _problem(node: Node, path: Path, rest: Path, message: str) -> Problem:
    return Problem(message, path_text((*path, *rest)), nearest_location(node, rest))


def _parse_path(text: str) -> Path:
    parts: list[str | int] = []
    for name, index, _ in _PATH_PART.findall(text):
        parts.append(name or (int(index) if index else "*"))
    return tuple(parts)
