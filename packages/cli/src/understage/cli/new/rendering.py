"""Filling in templates: plain files with `{{names}}` in them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from understage.errors import InputError

TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".tmpl"  # keeps linters, type checkers and pytest away from files that are not Python yet
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_PATH_PLACEHOLDER = re.compile(r"__(\w+?)__(?=/)")


def render(templates: Sequence[str], values: Mapping[str, str]) -> dict[Path, str]:
    """Returns files by their relative path, filled in.

    Args:
        templates: folders of templates; the files of later ones replace those of the same name in earlier ones.
        values: what stands for each name.

    Raises:
        KeyError: a template has a name that no value is given for.
    """
    files: dict[Path, str] = {}
    for template in templates:
        root = TEMPLATES / template
        for source in sorted(root.rglob(f"*{_SUFFIX}")):
            target = _target(source.relative_to(root).as_posix(), values)
            files[target] = _fill(source.read_text(encoding="utf-8"), values)
    return files


def write(files: Mapping[Path, str], folder: Path) -> None:
    """Writes files into a new folder.

    Args:
        files: their texts by relative path.
        folder: where; it must not exist, or be empty.

    Raises:
        InputError: something is there already, or it cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder} exists already and is not an empty folder; nothing was written\n"
                "  hint: choose another folder with --path"
            )
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write into {folder}", error) from error


def _target(path: str, values: Mapping[str, str]) -> Path:
    named = _PATH_PLACEHOLDER.sub(lambda found: values[found[1]], path.removesuffix(_SUFFIX))
    return Path(*(re.sub(r"^dot_", ".", part) for part in named.split("/")))


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
