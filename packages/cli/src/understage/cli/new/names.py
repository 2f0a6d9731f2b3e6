"""The names of a new thing: what the user chose, checked, and what follows from it."""

import keyword
import re
import sys

from understage.errors import InputError

LONGEST_ID = 32
_KEBAB_CASE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)


def check_id(what: str, name: str) -> str:
    """Returns a name that is kebab-case and of a reasonable length.

    Args:
        what: what is named, for the message.
        name: what the user has typed.

    Raises:
        InputError: it is not kebab-case or longer than 32 characters.
    """
    if not _KEBAB_CASE.fullmatch(name):
        suggestion = _suggestion(name)
        hint = f"\n  hint: '{suggestion}' would do" if suggestion else ""
        raise InputError(
            f"{what} '{name}' is not kebab-case: expected lower-case letters and digits, a letter first, words "
            f"separated by '-'{hint}"
        )
    if len(name) > LONGEST_ID:
        raise InputError(f"{what} '{name}' has {len(name)} characters: expected {LONGEST_ID} at most")
    return name


def check_distribution(name: str) -> str:
    """Returns the name of a distribution whose import name is free to take.

    Args:
        name: what the user has typed.

    Raises:
        InputError: it is not kebab-case, too long, or its import name is Python's or Understage's own.
    """
    check_id("package", name)
    taken = import_name(name)
    if keyword.iskeyword(taken) or taken in sys.stdlib_module_names or taken == "understage":
        raise InputError(
            f"package '{name}' cannot be imported as '{taken}', which is taken already\n"
            f"  hint: put a name of your own before it, such as 'acme-{name}'"
        )
    return name


def import_name(distribution: str) -> str:
    """Returns the import name of a distribution: `acme-todo` is imported as `acme_todo`."""
    return distribution.replace("-", "_")


def camel_case(name: str) -> str:
    """Returns the configuration section of a plugin: `to-do` is configured at `toDo`."""
    first, *others = name.split("-")
    return first + "".join(word.capitalize() for word in others)


def class_name(name: str) -> str:
    """Returns the class prefix of a plugin: `to-do` has a `ToDoConfig`."""
    return "".join(word.capitalize() for word in name.split("-"))


def _suggestion(name: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    suggestion = "-".join(words).lower().lstrip("-0123456789")
    return suggestion if _KEBAB_CASE.fullmatch(suggestion) else ""
