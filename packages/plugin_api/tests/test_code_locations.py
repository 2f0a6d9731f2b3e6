import functools
import sys
from pathlib import Path

import pytest

from understage.plugin_api import CodeLocation
from understage.plugin_api.location import caller_location, location_of


def declared_here() -> None:
    """A function to be found."""


def called_here() -> CodeLocation:
    return caller_location()


def test_places_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place below the working directory is shown relative to it, any other in full, and the directory may change."""
    location = CodeLocation(str(tmp_path / "plugins" / "a.py"), 12)
    assert str(location) == f"{(tmp_path / 'plugins' / 'a.py').as_posix()}:12"
    monkeypatch.chdir(tmp_path)
    assert str(location) == "plugins/a.py:12"
    assert str(CodeLocation("<string>", 1)) == "<string>:1"


def test_functions_are_found() -> None:
    """Functions, methods, partials and what wraps a function are found where the function was defined."""
    line = declared_here.__code__.co_firstlineno
    expected = CodeLocation(__file__, line)
    wrapped = functools.lru_cache(declared_here)
    assert (
        location_of(declared_here) == location_of(wrapped) == location_of(functools.partial(declared_here)) == expected
    )
    assert location_of(test_functions_are_found.__get__(object())) is not None
    assert location_of(print) is None


def test_callers_are_found() -> None:
    """The place of a caller is the line of the call."""
    location = called_here()
    assert (location.file, location.line) == (__file__, sys._getframe().f_lineno - 1)
