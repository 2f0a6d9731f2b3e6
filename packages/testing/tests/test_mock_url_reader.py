import io
import tarfile
from pathlib import Path

import pytest

from understage.errors import InputError, NotFoundError, NotModifiedError
from understage.testing import mock_services

FILES: dict[str, bytes | str] = {
    "https://host/r/a.yaml": "a",
    "https://host/r/d/b.yaml": b"b",
    "https://host/r/d/c.md": "c",
}


async def test_files_are_read_from_the_table() -> None:
    """T5: the mock reads files of a table, knows them by etag, and records what was asked for."""
    reader = mock_services.url_reader(FILES)
    response = await reader.read_url("https://host/r/a.yaml")
    assert response.text() == "a"
    with pytest.raises(NotModifiedError):
        await reader.read_url("https://host/r/a.yaml", etag=response.etag)
    reader.files["https://host/r/a.yaml"] = "changed"
    assert (await reader.read_url("https://host/r/a.yaml", etag=response.etag)).text() == "changed"
    with pytest.raises(NotFoundError, match="the mock URL reader has https://host/r/a"):
        await reader.read_url("https://host/none")
    with pytest.raises(InputError, match="more than 6"):
        await reader.read_url("https://host/r/a.yaml", max_bytes=6)
    assert reader.requests == ["https://host/r/a.yaml"] * 3 + ["https://host/none", "https://host/r/a.yaml"]


async def test_trees_are_read_from_the_table(tmp_path: Path) -> None:
    """T5: the mock reads all files below an address as a tree."""
    reader = mock_services.url_reader(FILES)
    tree = await reader.read_tree("https://host/r/d/", filter=lambda path: path.endswith(".yaml"))
    assert [(file.path, file.size, await file.content()) for file in tree.files()] == [("b.yaml", 1, b"b")]
    folder = await tree.dir(tmp_path / "x")
    assert (folder / "b.yaml").read_bytes() == b"b"
    packed = b"".join([piece async for piece in tree.archive()])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["b.yaml"]
    with pytest.raises(NotModifiedError):
        await reader.read_tree("https://host/r/d", etag=tree.etag)
    with pytest.raises(NotFoundError):
        await reader.read_tree("https://host/none")
    tree.close()


async def test_searches_use_the_table() -> None:
    """T5: the mock finds files by patterns as the real service does."""
    reader = mock_services.url_reader(FILES)
    found = await reader.search("https://host/r/**/*.yaml")
    assert [(file.url, await file.content()) for file in found.files] == [
        ("https://host/r/a.yaml", b"a"),
        ("https://host/r/d/b.yaml", b"b"),
    ]
    assert (await reader.search("https://host/none")).files == []
    with pytest.raises(NotModifiedError):
        await reader.search("https://host/r/**/*.yaml", etag=found.etag)
