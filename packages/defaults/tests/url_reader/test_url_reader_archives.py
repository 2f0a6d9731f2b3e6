"""Archives of strangers, and trees made of them."""

import asyncio
import contextlib
import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.url_reader.archives import Selection, TreeLimits, unpack
from understage.defaults.url_reader.file_store import StoredTree
from understage.errors import InputError

ALL = Selection(strip_root=False)


def member(
    name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data) if kind == tarfile.REGTYPE else 0, kind, link
    return info, data


def tar(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if info.type == tarfile.REGTYPE else None)
    return buffer


def unpacked(archive: io.BytesIO, selection: Selection = ALL, limits: TreeLimits | None = None) -> StoredTree:
    return StoredTree(*unpack(archive, selection, limits or TreeLimits()), "etag")


async def contents(tree: StoredTree) -> dict[str, bytes]:
    return {file.path: await file.content() for file in tree.files()}


@pytest.mark.parametrize("mode", ["w:gz", "w"])
async def test_tar(mode: str) -> None:
    """S60: a tar file, with gzip or without, is unpacked; long names and empty files too."""
    long = "d" * 120 + "/" + "f" * 90
    tree = unpacked(tar(member("./a/b", b"1"), member(long, b"22"), member("empty", b""), mode=mode))
    assert await contents(tree) == {"a/b": b"1", long: b"22", "empty": b""}


async def test_zip(zipped: Any) -> None:
    """S60: a zip file is unpacked."""
    assert await contents(unpacked(io.BytesIO(zipped({"a/b": b"1", "c": b"22"})))) == {"a/b": b"1", "c": b"22"}


async def test_root_and_folder_are_left_out() -> None:
    """S60: the root folder of an archive and the folder that was asked for are no part of the paths."""
    archive = tar(member("root/a/x", b"1"), member("root/ab/y", b"2"), member("root/z", b"3"), member("stray", b"4"))
    assert await contents(unpacked(archive, Selection(folder="a"))) == {"x": b"1"}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "..", "./../x"])
def test_names_that_lead_out_are_refused(name: str) -> None:
    """An archive with a name that leads out of it is refused as a whole, tar and zip."""
    with pytest.raises(InputError, match="a name that leads out of it"):
        unpacked(tar(member("fine"), member(name)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(InputError, match="a name that leads out of it"):
        unpacked(buffer)


async def test_links_and_devices_are_left_out() -> None:
    """Symbolic and hard links, devices and pipes of an archive are not followed and not made."""
    archive = tar(
        member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("hard", kind=tarfile.LNKTYPE, link="../../secret"),
        member("device", kind=tarfile.CHRTYPE),
        member("pipe", kind=tarfile.FIFOTYPE),
        member("folder", kind=tarfile.DIRTYPE),
        member("back\\slash"),
        member("file", b"1"),
    )
    assert await contents(unpacked(archive)) == {"file": b"1"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zip_file:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zip_file.writestr(info, "/etc/passwd")
        zip_file.writestr("file", b"1")
    assert await contents(unpacked(buffer)) == {"file": b"1"}


def test_large_archives_are_refused(zipped: Any) -> None:
    """An archive that unpacks to more bytes or files than the limits is refused, however small it is itself."""
    bomb = tar(member("x", b"\0" * 5_000_000))
    assert len(bomb.getvalue()) < 10_000
    with pytest.raises(InputError, match="more than 1000000 bytes when it is unpacked"):
        unpacked(bomb, limits=TreeLimits(total_bytes=1_000_000))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", b"\0" * 5_000_000)
    with pytest.raises(InputError, match="more than 1000000 bytes when it is unpacked"):
        unpacked(packed, limits=TreeLimits(total_bytes=1_000_000))
    for many in (tar(*(member(str(n)) for n in range(11))), io.BytesIO(zipped({str(n): b"" for n in range(11)}))):
        with pytest.raises(InputError, match="more than 10 files"):
            unpacked(many, limits=TreeLimits(files=10))


def test_large_headers_are_refused() -> None:
    """A tar header that claims to be huge is refused before it is read into memory."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 50_000_000
    data = gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 50_000_000, 1)
    with pytest.raises(InputError, match="header of 50000384 bytes"):
        unpacked(io.BytesIO(data))


@pytest.mark.parametrize(
    "data",
    [
        b"<html>sign in</html>" * 50,
        gzip.compress(b"no tar" * 200, mtime=0),
        b"\x1f\x8b" + b"damaged" * 20,
        b"PK\x03\x04" + b"damaged" * 20,
    ],
)
def test_what_is_no_archive_is_an_error(data: bytes) -> None:
    """Damaged archives, and pages that are sent instead of one, are InputErrors."""
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpacked(io.BytesIO(data))


def test_cut_off_archives_are_errors() -> None:
    """An archive that ends in the middle of a file is an error, not a shorter file."""
    whole = tar(member("a", os.urandom(100_000)), mode="w").getvalue()
    with pytest.raises(InputError, match="cut off"):
        unpacked(io.BytesIO(whole[:50_000]))
    with pytest.raises(InputError):
        unpacked(io.BytesIO(gzip.compress(whole)[:50_000]))


PATHS = st.lists(st.text("abc.é ", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.binary(max_size=2000), max_size=5), st.booleans())
def test_what_goes_in_comes_out(files: dict[str, bytes], as_zip: bool) -> None:
    """Whatever names and contents an archive has, the same come out of it, or it is refused for a name."""
    files = {name: data for name, data in files.items() if f"./{name}" not in files}
    bad = any(part in (".", "..") for name in files for part in name.removeprefix("./").split("/"))
    if as_zip:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        buffer = tar(*(member(name, data) for name, data in files.items()))
    if bad:
        with pytest.raises(InputError):
            unpacked(buffer)
    else:
        assert asyncio.run(contents(unpacked(buffer))) == {
            name.removeprefix("./"): data for name, data in files.items()
        }


@given(st.binary(max_size=3000))
def test_garbage_is_an_error_or_nothing(data: bytes) -> None:
    """Random bytes never crash unpacking."""
    for start in (b"", b"\x1f\x8b\x08\0", b"PK\x03\x04"):
        with contextlib.suppress(InputError):
            assert unpacked(io.BytesIO(start + data)).files() == []


async def test_trees_are_written_to_folders(tmp_path: Path) -> None:
    """S60: a tree is written to a given folder, or to a new temporary one below the working directory."""
    tree = StoredTree(*unpack(tar(member("a/b", b"1"), member("c", b"22")), ALL, TreeLimits()), "e", str(tmp_path))
    made = await tree.dir()
    assert made.parent == tmp_path
    given_folder = await tree.dir(tmp_path / "given")
    for folder in (made, given_folder):
        assert ((folder / "a/b").read_bytes(), (folder / "c").read_bytes()) == (b"1", b"22")
    await tree.dir(given_folder)


@pytest.mark.parametrize("link", ["a", "a/b"])
async def test_trees_are_not_written_through_links(tmp_path: Path, link: str) -> None:
    """A link in the folder that a tree is written to leads nowhere."""
    outside, folder = tmp_path / "outside", tmp_path / "in"
    outside.mkdir()
    (outside / "b").write_bytes(b"before")
    (folder / link).parent.mkdir(parents=True)
    (folder / link).symlink_to(outside if link == "a" else outside / "b")
    with pytest.raises(InputError, match="outside of"):
        await unpacked(tar(member("a/b", b"after"))).dir(folder)
    assert (outside / "b").read_bytes() == b"before"


async def test_trees_are_archived() -> None:
    """S60: a tree comes out again as a tar file with gzip, with the times of its files."""
    info, data = member("a/b", b"1" * 300_000)
    info.mtime = 1_700_000_000
    packed = b"".join([piece async for piece in unpacked(tar((info, data))).archive()])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        (found,) = archive.getmembers()
        assert (found.name, found.mtime, found.size) == ("a/b", 1_700_000_000, 300_000)


async def test_temporary_files_go_away(tmp_path: Path) -> None:
    """A tree's temporary file has no name, and goes away with the tree and its files, or when it is closed."""
    store, entries = unpack(tar(member("a", b"1")), ALL, TreeLimits(), str(tmp_path))
    tree = StoredTree(store, entries, "e")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's way is taken for a slow one here
    (file,) = tree.files()
    del tree
    assert await file.content() == b"1"
    assert not store.closed
    del file
    for _ in range(100):
        # The thread that has read the file lets go of it a moment later.
        if not store.closed:
            await asyncio.sleep(0.01)
    assert store.closed
    tree = StoredTree(*unpack(tar(member("a", b"1")), ALL, TreeLimits()), "e")
    tree.close()
    tree.close()
    with pytest.raises(ValueError, match="closed file"):
        await tree.files()[0].content()


def test_failures_leave_no_file(tmp_path: Path) -> None:
    """An archive that is refused leaves nothing behind."""
    with pytest.raises(InputError):
        unpack(io.BytesIO(b"nothing" * 200), ALL, TreeLimits(), str(tmp_path))
    assert list(tmp_path.iterdir()) == []
