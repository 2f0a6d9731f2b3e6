"""Every source host, as a server on loopback that answers as the real one does."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from understage.errors import InputError, NotFoundError, NotModifiedError
from understage.testing.blocking import detect_blocking_calls_of

FILES = {"catalog-info.yaml": b"root", "a/catalog-info.yaml": b"a", "a/b/docs.md": b"docs", ".hidden/x.yaml": b"h"}
SHA = "0123456789012345678901234567890123456789"


def set_up_github(host: Any, archive: bytes) -> dict[str, Any]:
    repository = "/api/repos/o/r"
    host.answers[f"{repository}/contents/a/catalog-info.yaml?ref=main"] = web.Response(
        body=b"a", headers={"ETag": '"v1"', "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"}
    )
    host.answers[f"{repository}/commits/main"] = SHA
    host.answers[f"{repository}/tarball/{SHA}"] = archive
    return {"github": [{"host": host.netloc, "token": "secret", "apiBaseUrl": f"{host.url}/api"}]}


def set_up_gitlab(host: Any, archive: bytes) -> dict[str, Any]:
    project = "/api/v4/projects/o%2Fr"
    host.answers[f"{project}/repository/files/a%2Fcatalog-info.yaml/raw?ref=main"] = web.Response(
        body=b"a", headers={"ETag": '"v1"'}
    )
    host.answers[f"{project}/repository/commits"] = [{"id": SHA}]
    host.answers[f"{project}/repository/archive.tar.gz"] = archive
    return {"gitlab": [{"host": host.netloc, "token": "secret", "baseUrl": host.url}]}


def set_up_bitbucket_cloud(host: Any, archive: bytes) -> dict[str, Any]:
    repository = "/2.0/repositories/o/r"
    host.answers[f"{repository}/src/main/a/catalog-info.yaml"] = web.Response(body=b"a", headers={"ETag": '"v1"'})
    host.answers[f"{repository}/commits/main"] = {"values": [{"hash": SHA}]}
    host.answers[f"/o/r/get/{SHA}.tar.gz"] = archive
    entry = {"host": host.netloc, "apiBaseUrl": f"{host.url}/2.0", "username": "u", "token": "secret"}
    return {"bitbucketCloud": [entry]}


def set_up_bitbucket_server(host: Any, archive: bytes) -> dict[str, Any]:
    repository = "/rest/projects/o/repos/r"
    host.answers[f"{repository}/raw/a/catalog-info.yaml?at=main"] = web.Response(body=b"a", headers={"ETag": '"v1"'})
    host.answers[f"{repository}/commits?limit=1&until=main"] = {"values": [{"id": SHA}]}
    host.answers[f"{repository}/archive"] = archive
    return {"bitbucketServer": [{"host": host.netloc, "apiBaseUrl": f"{host.url}/rest", "token": "secret"}]}


def set_up_gitea(host: Any, archive: bytes) -> dict[str, Any]:
    repository = "/api/v1/repos/o/r"
    content = {"encoding": "base64", "content": base64.b64encode(b"a").decode()}
    host.answers[f"{repository}/contents/a/catalog-info.yaml?ref=main"] = lambda _: web.json_response(
        content, headers={"ETag": '"v1"'}
    )
    host.answers[f"{repository}/git/commits/main"] = {"sha": SHA}
    host.answers[f"{repository}/archive/{SHA}.tar.gz"] = archive
    return {"gitea": [{"host": host.netloc, "baseUrl": host.url, "password": "secret"}]}


SET_UPS = {
    "github": (set_up_github, "/o/r/blob/main/", "Bearer secret"),
    "gitlab": (set_up_gitlab, "/o/r/-/blob/main/", "Bearer secret"),
    "bitbucketCloud": (set_up_bitbucket_cloud, "/o/r/src/main/", "Basic dTpzZWNyZXQ="),
    "bitbucketServer": (set_up_bitbucket_server, "/projects/o/repos/r/browse/{}?at=main", "Bearer secret"),
    "gitea": (set_up_gitea, "/o/r/src/branch/main/", "token secret"),
}


@pytest.fixture(params=SET_UPS)
def repository(request: Any, host: Any, make_reader: Any, tar_gz: Any) -> tuple[Any, Callable[[str], str], str, Any]:
    set_up, place, authorization = SET_UPS[request.param]
    reader = make_reader({"integrations": set_up(host, tar_gz(FILES))})

    def url_of(path: str) -> str:
        return f"{host.url}{place.format(path) if '{}' in place else place + path}"

    return reader, url_of, authorization, host


async def test_files_are_read_through_the_api(repository: Any) -> None:
    """S60: a file of every source host is read by the address that people see, with the configured credentials."""
    reader, url_of, authorization, host = repository
    response = await reader.read_url(url_of("a/catalog-info.yaml"), etag='"v0"')
    assert (response.content, response.text(), response.etag) == (b"a", "a", '"v1"')
    assert host.requests[-1].headers["Authorization"] == authorization
    assert host.requests[-1].headers["If-None-Match"] == '"v0"'


async def test_missing_files_are_not_found(repository: Any) -> None:
    """S60: 404 of a source host is a NotFoundError that names the address."""
    reader, url_of, _, _ = repository
    with pytest.raises(NotFoundError, match=r"missing.yaml(\?at=main)? could not be read, 404 Not Found"):
        await reader.read_url(url_of("missing.yaml"))


async def test_own_tokens_are_used_instead(repository: Any) -> None:
    """S60: a token given to the call is sent instead of the configured one."""
    reader, url_of, _, host = repository
    await reader.read_url(url_of("a/catalog-info.yaml"), token="mine")
    assert host.requests[-1].headers["Authorization"] in ("Bearer mine", "token mine")


async def test_trees_are_read_from_the_archive_of_a_commit(repository: Any) -> None:
    """S60: a folder is read with its commit as etag and relative paths, and not again while the commit is the same."""
    reader, url_of, _, _ = repository
    tree = await reader.read_tree(url_of("a/"))
    assert {file.path: await file.content() for file in tree.files()} == {
        "catalog-info.yaml": b"a",
        "b/docs.md": b"docs",
    }
    assert tree.etag == SHA
    assert tree.files()[0].last_modified_at.timestamp() == 1_700_000_000
    with pytest.raises(NotModifiedError):
        await reader.read_tree(url_of("a"), etag=SHA)


async def test_trees_are_filtered(repository: Any) -> None:
    """S60: only the files of a tree that the caller wants are kept."""
    reader, url_of, _, _ = repository
    tree = await reader.read_tree(url_of(""), filter=lambda path: path.endswith(".md"))
    assert [file.path for file in tree.files()] == ["a/b/docs.md"]


async def test_patterns_are_searched(repository: Any) -> None:
    """S60: a search finds the files that fit the pattern, each with an address that can be read."""
    reader, url_of, _, _ = repository
    found = await reader.search(url_of("**/catalog-info.yaml"))
    assert [await file.content() for file in found.files] == [b"root", b"a"]
    assert found.etag == SHA
    assert (await reader.read_url(found.files[1].url)).content == b"a"
    with pytest.raises(NotModifiedError):
        await reader.search(url_of("**/catalog-info.yaml"), etag=SHA)


async def test_searches_without_pattern_are_one_file(repository: Any) -> None:
    """S64: a search without pattern returns the one file, or none on 404."""
    reader, url_of, _, _ = repository
    found = await reader.search(url_of("a/catalog-info.yaml"))
    assert [(file.url, await file.content()) for file in found.files] == [(url_of("a/catalog-info.yaml"), b"a")]
    assert (await reader.search(url_of("missing.yaml"))).files == []


@pytest.mark.parametrize("path", ["../../../user", "a/%2e%2e/%2e%2e/x", "..%2f..%2fx", "a%5c..%5cx"])
async def test_paths_do_not_lead_to_other_places_of_the_api(repository: Any, path: str) -> None:
    """A path with dot segments, written in whatever way, is refused before a token is sent anywhere."""
    reader, url_of, _, host = repository
    with pytest.raises(InputError):
        await reader.read_url(url_of(path))
    assert host.requests == []


async def test_nothing_blocks_the_event_loop(repository: Any, tmp_path: Any) -> None:
    """Downloading, unpacking and writing trees is done in threads."""
    reader, url_of, _, _ = repository
    await reader.read_url(url_of("a/catalog-info.yaml"))
    with detect_blocking_calls_of(["understage"]):
        tree = await reader.read_tree(url_of(""))
        assert [len(await file.content()) for file in tree.files()] == [4, 1, 4, 1]
        assert await tree.dir(tmp_path / "x") == tmp_path / "x"
        assert len([piece async for piece in tree.archive()]) == 1
        assert len((await reader.search(url_of("**/*.yaml"))).files) == 2
