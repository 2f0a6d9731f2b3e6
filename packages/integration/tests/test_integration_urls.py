"""Addresses of source hosts: taken apart, put together, resolved."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import config_from_data
from understage.errors import InputError
from understage.integration import (
    AwsS3Integration,
    AzureIntegration,
    BitbucketCloudIntegration,
    BitbucketServerIntegration,
    GerritIntegration,
    GiteaIntegration,
    GithubIntegration,
    GitlabIntegration,
    GoogleGcsIntegration,
    RepositoryIntegration,
    ScmIntegrations,
)
from understage.integration.azure import version_query

CONFIG: dict[str, Any] = {
    "bitbucketServer": [{"host": "bb.example", "token": "t"}],
    "gerrit": [{"host": "g.example", "gitilesBaseUrl": "https://g.example/gitiles", "username": "u", "password": "p"}],
    "gitea": [{"host": "gt.example"}],
    "gitlab": [{"host": "gl.example:8080", "baseUrl": "https://gl.example:8080/gitlab"}],
    "awsS3": [{"endpoint": "http://minio.example:9000", "s3ForcePathStyle": True}, {"endpoint": "https://s3.example"}],
    "github": [{"host": "ghe.example"}],
}
GITHUB = "https://github.com/o/r/blob/main/x/y.yaml"
GITLAB = "https://gitlab.com/g/s/r/-/blob/main/x/y.yaml"
CLOUD = "https://bitbucket.org/w/r/src/master/x/y.yaml"
SERVER = "https://bb.example/projects/P/repos/R/browse/x/y.yaml?at=b"
AZURE = "https://dev.azure.com/o/p/_git/r?path=%2Fx%2Fy.yaml&version=GBmain"
AZURE_API = "https://dev.azure.com/o/p/_apis/git/repositories/r/items?api-version=6.0"
GITEA = "https://gt.example/o/r/src/branch/main/x/y.yaml"
GERRIT = "https://g.example/gitiles/p/q/+/refs/heads/main/x/y.yaml"
SUBPATH = "https://gl.example:8080/gitlab/g/r/-/blob/main/x/y.yaml"


@pytest.fixture(scope="module")
def integrations() -> ScmIntegrations:
    return ScmIntegrations.from_config(config_from_data({"integrations": CONFIG}))


def repository_of(integrations: ScmIntegrations, url: str) -> RepositoryIntegration:
    found = integrations.by_url(url)
    assert isinstance(found, RepositoryIntegration)
    return found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (GITHUB, ("o", "r", "main", "x/y.yaml")),
        ("https://github.com/o/r", ("o", "r", None, "")),
        ("https://github.com/o/r.git", ("o", "r", None, "")),
        ("https://github.com/o/r/tree/feature%2Fa/x%20y/", ("o", "r", "feature/a", "x y")),
        ("https://github.com/o/r/edit/main/x#L7", ("o", "r", "main", "x")),
        (GITLAB, ("g/s", "r", "main", "x/y.yaml")),
        ("https://gitlab.com/g/r/blob/main/x.yaml", ("g", "r", "main", "x.yaml")),
        ("https://gitlab.com/g/blob/r/-/raw/main/x.yaml", ("g/blob", "r", "main", "x.yaml")),
        ("https://gitlab.com/g/r", ("g", "r", None, "")),
        (SUBPATH, ("g", "r", "main", "x/y.yaml")),
        (CLOUD, ("w", "r", "master", "x/y.yaml")),
        (SERVER, ("P", "R", "b", "x/y.yaml")),
        ("https://bb.example/users/me/repos/R/browse", ("~me", "R", None, "")),
        (AZURE, ("o/p", "r", "GBmain", "x/y.yaml")),
        ("https://dev.azure.com/o/_git/r?path=x", ("o/r", "r", None, "x")),
        (GITEA, ("o", "r", "main", "x/y.yaml")),
        ("https://gt.example/o/r/src/commit/abc/x", ("o", "r", "abc", "x")),
        ("https://gt.example/o/r", ("o", "r", None, "")),
        (GERRIT, ("", "p/q", "refs/heads/main", "x/y.yaml")),
        ("https://g.example/gitiles/p/+/refs/tags/v1/x", ("", "p", "refs/tags/v1", "x")),
        ("https://g.example/a/gitiles/p/+/HEAD/", ("", "p", "HEAD", "")),
    ],
)
def test_addresses_are_taken_apart(integrations: ScmIntegrations, url: str, expected: tuple[Any, ...]) -> None:
    """S60: owner, repository, ref and path are read from the address that people see."""
    found = repository_of(integrations, url).parse_url(url)
    assert (found.owner, found.name, found.ref, found.path) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/",
        "https://github.com/o",
        "https://github.com/o/r/issues/1",
        "https://gitlab.com/g",
        "https://bitbucket.org/w",
        "https://bb.example/projects/P",
        "https://dev.azure.com/o/p",
        "https://gt.example/o",
        "https://g.example/p/+/main/x",
    ],
)
def test_other_addresses_are_refused(integrations: ScmIntegrations, url: str) -> None:
    """S60: an address of another form is an InputError that shows how it should be."""
    with pytest.raises(InputError, match=r"is not the address of a file or folder on .* expected one such as https://"):
        repository_of(integrations, url).parse_url(url)


@pytest.mark.parametrize("base", [GITHUB, GITLAB, CLOUD, SERVER, AZURE, GITEA, GERRIT, SUBPATH])
@pytest.mark.parametrize(
    "path", ["..", "../..", "%2e%2e", ".%2E/x", "a/../../../b", "a%2f..%2f..%2fb", "a%5cb", "a%00b"]
)
def test_paths_that_lead_elsewhere_are_refused(integrations: ScmIntegrations, base: str, path: str) -> None:
    """A path with dot segments, backslashes or control characters, in any spelling, is refused: it would become part of
    an address that is asked with credentials.
    """
    with pytest.raises(InputError):
        repository_of(integrations, base).parse_url(base.replace("y.yaml", path))


@pytest.mark.parametrize("url", ["https://github.com/../r/blob/main/x", "https://github.com/o/%2e%2e/blob/main/x"])
def test_owners_and_names_that_lead_elsewhere_are_refused(integrations: ScmIntegrations, url: str) -> None:
    """Dot segments are refused in owner and repository too."""
    with pytest.raises(InputError):
        repository_of(integrations, url).parse_url(url)


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("./a.yaml", GITHUB, "https://github.com/o/r/tree/main/x/a.yaml"),
        ("../a.yaml", GITHUB, "https://github.com/o/r/tree/main/a.yaml"),
        ("../../../a.yaml", GITHUB, "https://github.com/o/r/tree/main/a.yaml"),
        ("/a.yaml", GITHUB, "https://github.com/o/r/tree/main/a.yaml"),
        ("/a.yaml", "https://github.com/o/r/tree/main/x/", "https://github.com/o/r/tree/main/a.yaml"),
        ("a.yaml", "https://github.com/o/r/tree/main/x/", "https://github.com/o/r/tree/main/x/a.yaml"),
        ("a b#c", GITHUB, "https://github.com/o/r/tree/main/x/a%20b#c"),
        ("https://e.example/x", GITHUB, "https://e.example/x"),
        ("/a.yaml", GITLAB, "https://gitlab.com/g/s/r/-/blob/main/a.yaml"),
        ("./a.yaml", GITLAB, "https://gitlab.com/g/s/r/-/blob/main/x/a.yaml"),
        ("/a.yaml", "https://gitlab.com/g/s/r/-/tree/main/x/", "https://gitlab.com/g/s/r/-/tree/main/a.yaml"),
        ("./a", SUBPATH, "https://gl.example:8080/gitlab/g/r/-/blob/main/x/a"),
        ("/a.yaml", CLOUD, "https://bitbucket.org/w/r/src/master/a.yaml"),
        ("./a.yaml", f"{CLOUD}?at=b", "https://bitbucket.org/w/r/src/master/x/a.yaml?at=b"),
        ("./a.yaml", SERVER, "https://bb.example/projects/P/repos/R/browse/x/a.yaml?at=b"),
        ("/a.yaml", AZURE, "https://dev.azure.com/o/p/_git/r?path=%2Fa.yaml&version=GBmain"),
        ("a.yaml", AZURE, "https://dev.azure.com/o/p/_git/r?path=%2Fx%2Fa.yaml&version=GBmain"),
        ("./a.yaml", GITEA, "https://gt.example/o/r/src/branch/main/x/a.yaml"),
        ("/a.yaml", GITEA, "https://gt.example/o/r/src/branch/main/a.yaml"),
        ("./a.yaml", GERRIT, "https://g.example/gitiles/p/q/+/refs/heads/main/x/a.yaml"),
        ("./a.yaml", "https://b.s3.eu-west-1.amazonaws.com/x/y", "https://b.s3.eu-west-1.amazonaws.com/x/a.yaml"),
        ("./a.yaml", "https://storage.cloud.google.com/b/x/y", "https://storage.cloud.google.com/b/x/a.yaml"),
        ("./a.yaml", "https://e.example/x/y.yaml?q=1", "https://e.example/x/a.yaml?q=1"),
        ("/a.yaml", "https://e.example/x/y.yaml", "https://e.example/a.yaml"),
        ("./a.yaml", "https://github.com/not-a-repository", "https://github.com/a.yaml"),
    ],
)
def test_relative_addresses(integrations: ScmIntegrations, url: str, base: str, expected: str) -> None:
    """S60: an address relative to a file stays on its repository and ref; a leading slash is the repository's root."""
    assert integrations.resolve_url(url, base) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (GITHUB, "https://github.com/o/r/tree/main/x/a#L7"),
        (GITLAB, "https://gitlab.com/g/s/r/-/blob/main/x/a#L7"),
        (CLOUD, "https://bitbucket.org/w/r/src/master/x/a#lines-7"),
        (SERVER, "https://bb.example/projects/P/repos/R/browse/x/a?at=b#7"),
        (GERRIT, "https://g.example/gitiles/p/q/+/refs/heads/main/x/a#7"),
        (
            AZURE,
            "https://dev.azure.com/o/p/_git/r?path=%2Fx%2Fa&version=GBmain&line=7&lineEnd=8&lineStartColumn=1&lineEndColumn=1",
        ),
        ("https://e.example/x/y", "https://e.example/x/a#L7"),
    ],
)
def test_lines(integrations: ScmIntegrations, base: str, expected: str) -> None:
    """S60: a line is pointed at in the way of each host, in place of a fragment."""
    assert integrations.resolve_url("a#b", base, 7) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (GITHUB, "https://github.com/o/r/edit/main/x/y.yaml"),
        ("https://github.com/o/r/tree/main/blob/x", "https://github.com/o/r/edit/main/blob/x"),
        (GITLAB, "https://gitlab.com/g/s/r/-/edit/main/x/y.yaml"),
        (CLOUD, f"{CLOUD}?mode=edit&at=master"),
        (SERVER, "https://bb.example/projects/P/repos/R/browse/x/y.yaml"),
        (AZURE, AZURE),
        (GITEA, "https://gt.example/o/r/_edit/main/x/y.yaml"),
        (GERRIT, "https://g.example/admin/repos/edit/repo/p/q/branch/refs/heads/main/file/x/y.yaml"),
        ("https://g.example/other", "https://g.example/other"),
        ("https://bitbucket.org/w", "https://bitbucket.org/w"),
        ("https://e.example/x", "https://e.example/x"),
    ],
)
def test_edit_addresses(integrations: ScmIntegrations, url: str, expected: str) -> None:
    """S60: the address for editing a file is that of the host's editor, or the file's own."""
    assert integrations.resolve_edit_url(url) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (GITHUB, "https://api.github.com/repos/o/r/contents/x/y.yaml?ref=main"),
        ("https://ghe.example/o/r/blob/main/x", "https://ghe.example/api/v3/repos/o/r/contents/x?ref=main"),
        (
            "https://gitlab.com/g/s/r/-/blob/main/x/y%20z.yaml",
            "https://gitlab.com/api/v4/projects/g%2Fs%2Fr/repository/files/x%2Fy%20z.yaml/raw?ref=main",
        ),
        (SUBPATH, "https://gl.example:8080/gitlab/api/v4/projects/g%2Fr/repository/files/x%2Fy.yaml/raw?ref=main"),
        (CLOUD, "https://api.bitbucket.org/2.0/repositories/w/r/src/master/x/y.yaml"),
        (SERVER, "https://bb.example/rest/api/1.0/projects/P/repos/R/raw/x/y.yaml?at=b"),
        (
            AZURE,
            f"{AZURE_API}&path=%2Fx%2Fy.yaml&versionDescriptor.version=main&versionDescriptor.versionType=branch",
        ),
        (GITEA, "https://gt.example/api/v1/repos/o/r/contents/x/y.yaml?ref=main"),
        (GERRIT, "https://g.example/a/projects/p%2Fq/branches/main/files/x%2Fy.yaml/content"),
        (
            "https://g.example/gitiles/p/+/refs/tags/v1/x",
            "https://g.example/a/projects/p/tags/v1/files/x/content",
        ),
        (
            f"https://g.example/gitiles/p/+/{'a' * 40}/x",
            f"https://g.example/a/projects/p/commits/{'a' * 40}/files/x/content",
        ),
    ],
)
def test_api_addresses(integrations: ScmIntegrations, base: str, expected: str) -> None:
    """S60: the content of a file is asked for at the host's API."""
    integration: Any = repository_of(integrations, base)
    assert integration.file_api_url(integration.parse_url(base)) == expected


def test_credentials_never_go_to_public_hosts_in_the_clear(integrations: ScmIntegrations) -> None:
    """Whatever scheme somebody wrote, the public hosts are asked over TLS."""
    azure: Any = integrations.by_url("http://dev.azure.com/o/p/_git/r?path=x")
    assert azure.file_api_url(azure.parse_url("http://dev.azure.com/o/p/_git/r?path=x")).startswith("https://")
    cloud: Any = integrations.bitbucket_cloud.by_host("bitbucket.org")
    assert cloud.archive_url(cloud.parse_url("http://bitbucket.org/w/r"), "abc").startswith("https://")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("GBmain", ("main", "branch")), ("GTv1", ("v1", "tag")), ("GCab", ("ab", "commit")), ("x", ("x", "branch"))],
)
def test_azure_versions(ref: str, expected: tuple[str, str]) -> None:
    """S60: the versions of Azure's addresses tell branch, tag and commit apart."""
    assert tuple(value for _, value in version_query(ref, "")) == expected
    assert version_query(None, "") == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com/x/y", ("b", "x/y", "eu-west-1", "https://b.s3.eu-west-1.amazonaws.com")),
        ("https://b.c.s3.amazonaws.com/x", ("b.c", "x", "us-east-1", "https://b.c.s3.amazonaws.com")),
        (
            "https://s3.eu-west-1.amazonaws.com/b/x%20y",
            ("b", "x y", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/b"),
        ),
        ("http://minio.example:9000/b/x", ("b", "x", "us-east-1", "http://minio.example:9000/b")),
        ("https://b.s3.example/x", ("b", "x", "us-east-1", "https://b.s3.example")),
    ],
)
def test_s3_addresses(integrations: ScmIntegrations, url: str, expected: tuple[str, ...]) -> None:
    """S60: bucket, key and region are read from S3's addresses, whether the bucket is in the host or in the path."""
    store = integrations.by_url(url)
    assert isinstance(store, AwsS3Integration)
    found = store.parse_object_url(url)
    assert (found.bucket, found.key, found.region, found.bucket_url) == expected
    assert found.url_of(found.key) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://x.amazonaws.com/b/x",
        "http://b.s3-website-eu-west-1.amazonaws.com/x",
        "http://b.s3-website.eu-west-1.amazonaws.com/x",
        "https://s3.amazonaws.com/",
        "https://b.s3.amazonaws.com/../x",
    ],
)
def test_other_s3_addresses_are_refused(integrations: ScmIntegrations, url: str) -> None:
    """S60: what is no address of an object is refused."""
    store = integrations.by_url(url)
    assert isinstance(store, AwsS3Integration)
    with pytest.raises(InputError):
        store.parse_object_url(url)


def test_gcs_addresses(integrations: ScmIntegrations) -> None:
    """S60: bucket and object are read from the addresses of Google Cloud Storage."""
    store = integrations.by_url("https://storage.cloud.google.com/b/x/y")
    assert isinstance(store, GoogleGcsIntegration)
    found = store.parse_object_url("https://storage.cloud.google.com/b/x/y%20z")
    assert (found.bucket, found.key) == ("b", "x/y z")
    with pytest.raises(InputError):
        store.parse_object_url("https://storage.cloud.google.com/")


@given(
    st.text(min_size=1, max_size=20), st.sampled_from([GITHUB, GITLAB, CLOUD, SERVER, AZURE, GITEA, GERRIT, SUBPATH])
)
def test_addresses_are_put_together_again(path: str, base: str) -> None:
    """S60: the address of any path of a repository is taken apart to that path again, or the path is refused."""
    integration = repository_of(ALL, base)
    location = integration.parse_url(base)
    try:
        found = integration.parse_url(integration.url_of(location, path))
    except InputError:
        assert any(part in (".", "..") for part in path.strip("/").split("/")) or not path.isprintable() or "\\" in path
    else:
        assert found.path == path.strip("/")
        assert (found.owner, found.name, found.ref) == (location.owner, location.name, location.ref)


ALL = ScmIntegrations.from_config(config_from_data({"integrations": CONFIG}))
KINDS = (
    AzureIntegration,
    BitbucketCloudIntegration,
    BitbucketServerIntegration,
    GerritIntegration,
    GiteaIntegration,
    GithubIntegration,
    GitlabIntegration,
)


def test_every_kind_is_covered() -> None:
    """The tables above know every kind of repository host."""
    urls = (GITHUB, GITLAB, CLOUD, SERVER, AZURE, GITEA, GERRIT)
    assert {type(ALL.by_url(url)) for url in urls} == set(KINDS)
