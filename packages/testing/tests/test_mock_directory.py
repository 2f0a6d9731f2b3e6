from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.testing import MockDirectory, create_mock_directory

NAMES = st.text("abcdef", min_size=1, max_size=4)
TREES = st.dictionaries(
    NAMES,
    st.recursive(st.text(), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=5),
    max_size=4,
)


def test_content_is_written_and_read() -> None:
    """T10: a folder takes nested content, bytes and functions, and returns it the same way."""
    with create_mock_directory({"a.txt": "A\r\n", "sub/b.bin": b"\xff", "empty": {}}) as directory:
        directory.add_content({"sub": {"c.txt": lambda path: path.symlink_to(directory.resolve("a.txt"))}})
        assert directory.content() == {"a.txt": "A\r\n", "empty": {}, "sub": {"b.bin": b"\xff", "c.txt": "A\r\n"}}
        assert directory.content("sub", "b.bin") == b"\xff"
        assert directory.content("nothing") is None
        assert directory.resolve("sub", "b.bin").read_bytes() == b"\xff"


def test_content_is_replaced() -> None:
    """T10: set_content replaces everything, also folders and links, and touches nothing outside."""
    with create_mock_directory() as other, create_mock_directory({"a/b/c": "1"}) as directory:
        other.set_content({"kept": "yes"})
        directory.resolve("link").symlink_to(other.path)
        directory.set_content({"d": "2"})
        assert directory.content() == {"d": "2"}
        assert other.content() == {"kept": "yes"}


def test_the_folder_is_removed() -> None:
    """T10: the folder is gone after the block; removing it again does no harm."""
    with create_mock_directory({"a": "1"}) as directory:
        path = directory.path
        assert path.is_dir()
    assert not path.exists()
    directory.remove()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_names_stay_inside(tmp_path: Path, name: str) -> None:
    """T10: a name that leads out of the folder is an error."""
    with pytest.raises(ValueError, match="leads out"):
        MockDirectory({name: "x"}, path=tmp_path / "inner")
    with pytest.raises(ValueError, match="leads out"):
        MockDirectory({"a": {"../../x": "x"}}, path=tmp_path / "inner")


def test_the_fixture_gives_a_folder(mock_directory: MockDirectory, tmp_path: Path) -> None:
    """T10: the pytest fixture gives an empty folder of the test's own."""
    assert mock_directory.content() == {}
    mock_directory.set_content({"a": "1"})
    assert mock_directory.path.is_relative_to(tmp_path)


@given(TREES)
def test_what_goes_in_comes_out(tree: dict[str, object]) -> None:
    """T10: any tree of texts reads back as it was written."""
    with create_mock_directory(tree) as directory:  # type: ignore[arg-type]
        assert directory.content() == tree
