"""Hosts that are unlike the others: Azure DevOps, Gerrit, S3, Google Cloud Storage, GitHub with apps."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.defaults.url_reader.allow_rules import ANYWHERE, AllowRules
from understage.defaults.url_reader.gcs_store import GcsStore
from understage.defaults.url_reader.integration_checks import IntegrationHops
from understage.defaults.url_reader.object_reader import ObjectReader
from understage.errors import (
    AuthenticationError,
    InputError,
    NotAllowedError,
    NotFoundError,
    NotModifiedError,
    UnderstageError,
    UnsupportedOperationError,
)
from understage.integration import GoogleCredentials, GoogleGcsIntegration
from understage.integration.config import GoogleGcsConfig

SHA = "0123456789012345678901234567890123456789"


def query(request: web.BaseRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.raw_path).query).items()}


@pytest.fixture
def azure(host: Any, make_reader: Any, zipped: Any) -> Any:
    items = "/org/project/_apis/git/repositories/repo/items"

    def answer(request: web.BaseRequest) -> web.Response:
        asked = query(request)
        if asked.get("$format") != "zip":
            return web.Response(body=b"a") if asked["path"] == "/a/x.yaml" else web.Response(status=404)
        assert asked["versionDescriptor.version"] == SHA
        assert asked["versionDescriptor.versionType"] == "commit"
        if asked.get("scopePath") == "/a":
            return web.Response(body=zipped({"a/x.yaml": b"a", "a/b/y.md": b"y"}))
        return web.Response(body=zipped({"a/x.yaml": b"a", "x.yaml": b"root"}))

    host.answers[items] = answer
    host.answers["/org/project/_apis/git/repositories/repo/commits"] = {"value": [{"commitId": SHA}]}
    entry = {
        "host": host.netloc,
        "credentials": [
            {"organizations": ["other"], "personalAccessToken": "wrong"},
            {"organizations": ["Org"], "personalAccessToken": "pat"},
        ],
    }
    return make_reader({"integrations": {"azure": [entry]}})


async def test_azure_files(host: Any, azure: Any) -> None:
    """S60: a file of Azure DevOps is read by path and version of its address, with the organization's credentials."""
    url = f"{host.url}/org/project/_git/repo?path=%2Fa%2Fx.yaml&version=GTv1"
    assert (await azure.read_url(url)).content == b"a"
    asked = query(host.requests[0])
    assert (asked["versionDescriptor.version"], asked["versionDescriptor.versionType"]) == ("v1", "tag")
    assert host.requests[0].headers["Authorization"] == "Basic " + base64.b64encode(b":pat").decode()
    with pytest.raises(NotFoundError):
        await azure.read_url(f"{host.url}/org/project/_git/repo?path=none")


async def test_azure_sign_in_pages_are_no_files(host: Any, azure: Any) -> None:
    """S60: the sign-in page that Azure DevOps sends instead of refusing is an AuthenticationError."""
    host.answers["/org/project/_apis/git/repositories/repo/items"] = web.Response(
        text="<html>", content_type="text/html", status=203
    )
    with pytest.raises(AuthenticationError, match="asks to sign in"):
        await azure.read_url(f"{host.url}/org/project/_git/repo?path=x.yaml")
    assert (await azure.read_url(f"{host.url}/org/project/_git/repo?path=x.html")).content == b"<html>"


async def test_azure_trees_and_searches(host: Any, azure: Any) -> None:
    """S60: trees and searches of Azure DevOps come from a zip file, of one folder or of all."""
    base = f"{host.url}/org/project/_git/repo?version=GBmain&path="
    tree = await azure.read_tree(f"{base}%2Fa")
    assert {file.path: await file.content() for file in tree.files()} == {"x.yaml": b"a", "b/y.md": b"y"}
    found = await azure.search(f"{base}%2F**%2Fx.yaml")
    urls = [f"{host.url}/org/project/_git/repo?path=%2F{path}&version=GBmain" for path in ("a%2Fx.yaml", "x.yaml")]
    assert [file.url for file in found.files] == urls
    with pytest.raises(NotModifiedError):
        await azure.search(f"{base}%2F**%2Fx.yaml", etag=SHA)


async def test_azure_managed_identity(
    host: Any, other_host: Any, make_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S60: files of Azure DevOps are read as the managed identity of what this process runs on."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{other_host.url}/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "proof")
    other_host.answers["/identity"] = {"access_token": "T", "expires_in": "3600"}
    host.answers["/org/project/_apis/git/repositories/repo/items"] = b"content"
    entry = {"host": host.netloc, "credentials": [{"clientId": "system-assigned"}]}
    reader = make_reader({"integrations": {"azure": [entry]}})
    assert (await reader.read_url(f"{host.url}/org/project/_git/repo?path=x")).content == b"content"
    assert other_host.requests[0].headers["X-IDENTITY-HEADER"] == "proof"
    assert host.requests[0].headers["Authorization"] == "Bearer T"


async def test_gerrit(host: Any, make_reader: Any, tar_gz: Any) -> None:
    """S60: files of Gerrit come as base64, trees from Gitiles, both as the configured user."""
    branch = "/a/projects/p%2Fq/branches/main"
    host.answers[f"{branch}/files/d%2Fx.yaml/content"] = base64.b64encode(b"x" * 100).decode()
    host.answers[branch] = ")]}'\n" + f'{{"ref": "refs/heads/main", "revision": "{SHA}"}}'
    host.answers["/a/gitiles/p/q/+archive/refs/heads/main/d.tar.gz"] = tar_gz({"x.yaml": b"x", "y/x.yaml": b"y"}, "")
    host.answers["/a/gitiles/p/q/+archive/refs/heads/main.tar.gz"] = tar_gz({"d/x.yaml": b"x"}, "")
    entry = {"host": host.netloc, "baseUrl": host.url, "gitilesBaseUrl": f"{host.url}/gitiles"}
    reader = make_reader({"integrations": {"gerrit": [{**entry, "username": "u", "password": "p"}]}})
    url = f"{host.url}/gitiles/p/q/+/refs/heads/main/"
    assert (await reader.read_url(f"{url}d/x.yaml")).content == b"x" * 100
    assert host.requests[0].headers["Authorization"] == "Basic dTpw"
    with pytest.raises(InputError, match="larger than 99 bytes"):
        await reader.read_url(f"{url}d/x.yaml", max_bytes=99)
    tree = await reader.read_tree(f"{url}d")
    assert [file.path for file in tree.files()] == ["x.yaml", "y/x.yaml"]
    assert [file.url for file in (await reader.search(f"{url}d/**/x.yaml")).files] == [
        f"{url}d/x.yaml",
        f"{url}d/y/x.yaml",
    ]
    assert [file.url for file in (await reader.search(f"{url}*/x.yaml")).files] == [f"{url}d/x.yaml"]
    with pytest.raises(NotModifiedError):
        await reader.read_tree(url, etag=SHA)


def listing(*keys: str, more: str = "") -> str:
    items = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><ETag>&quot;{key}&quot;</ETag>"
        "<LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents>"
        for key in keys
    )
    token = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    return f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{items}{token}</ListBucketResult>'


@pytest.fixture
def s3(host: Any, make_reader: Any) -> Any:
    for key in ("d/x.yaml", "d/e/x.yaml", "d/y z.md"):
        host.answers[f"/bucket/{quote(key)}"] = web.Response(body=key.encode(), headers={"ETag": f'"{key}"'})
    first = "/bucket/?list-type=2&prefix=d%2F"
    host.answers[first] = listing("d/", "d/e/x.yaml", "d/../z", more="t/1")
    host.answers["/bucket/?continuation-token=t%2F1&list-type=2&prefix=d%2F"] = listing("d/x.yaml", "d/y z.md")
    entry = {"endpoint": host.url, "s3ForcePathStyle": True, "accessKeyId": "AK", "secretAccessKey": "SK"}
    return make_reader({"integrations": {"awsS3": [entry]}})


async def test_s3_objects(host: Any, s3: Any) -> None:
    """S60: an object of S3 is read with a signed request."""
    response = await s3.read_url(f"{host.url}/bucket/d/x.yaml", etag='"0"')
    assert (response.content, response.etag) == (b"d/x.yaml", '"d/x.yaml"')
    sent = host.requests[0].headers
    assert sent["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AK/")
    assert "/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date" in sent["Authorization"]
    with pytest.raises(InputError, match="address of a bucket"):
        await s3.read_url(f"{host.url}/bucket")
    with pytest.raises(UnsupportedOperationError, match="signatures"):
        await s3.read_url(f"{host.url}/bucket/d/x.yaml", token="t")


async def test_s3_trees_and_searches(host: Any, s3: Any) -> None:
    """S60: trees and searches of S3 come from listings, page by page; keys that are no paths are left out."""
    tree = await s3.read_tree(f"{host.url}/bucket/d")
    assert {file.path: await file.content() for file in tree.files()} == {
        "e/x.yaml": b"d/e/x.yaml",
        "x.yaml": b"d/x.yaml",
        "y z.md": b"d/y z.md",
    }
    assert tree.files()[0].last_modified_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    with pytest.raises(NotModifiedError):
        await s3.read_tree(f"{host.url}/bucket/d", etag=tree.etag)
    found = await s3.search(f"{host.url}/bucket/d/**/x.yaml")
    assert [file.url for file in found.files] == [f"{host.url}/bucket/d/e/x.yaml", f"{host.url}/bucket/d/x.yaml"]
    assert await found.files[1].content() == b"d/x.yaml"
    with pytest.raises(NotModifiedError):
        await s3.search(f"{host.url}/bucket/d/**/x.yaml", etag=found.etag)
    filtered = await s3.read_tree(f"{host.url}/bucket/d", filter=lambda path: path.endswith(".md"))
    assert [file.path for file in filtered.files()] == ["y z.md"]


async def test_s3_answers_that_are_no_listings(host: Any, s3: Any) -> None:
    """S60: a listing that is no XML is an error that names the address."""
    host.answers["/bucket/?list-type=2&prefix=x%2F"] = "no xml"
    with pytest.raises(UnderstageError, match="did not answer XML"):
        await s3.read_tree(f"{host.url}/bucket/x")


async def test_s3_roles(host: Any, other_host: Any, make_reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """S60: an object of S3 is read with the keys of a role that was taken on; without keys for that it is an error."""
    entry = {"endpoint": host.url, "s3ForcePathStyle": True, "roleArn": "arn:aws:iam::1:role/x", "externalId": "e"}
    with pytest.raises(UnsupportedOperationError, match="there are no keys to take on arn:aws:iam::1:role/x"):
        await make_reader({"integrations": {"awsS3": [entry]}}).read_url(f"{host.url}/bucket/x")
    assert host.requests == []

    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", other_host.url)
    answer = "<AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>session</SessionToken>"
    space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    end = "<Expiration>2999-01-01T00:00:00Z</Expiration>"
    other_host.answers["/"] = f"<R {space}><Credentials>{answer}{end}</Credentials></R>"
    host.answers["/bucket/x"] = b"content"
    entry |= {"accessKeyId": "AK", "secretAccessKey": "SK"}
    reader = make_reader({"integrations": {"awsS3": [entry]}})
    assert (await reader.read_url(f"{host.url}/bucket/x")).content == b"content"
    assert "Credential=AK/" in other_host.requests[0].headers["Authorization"]
    assert "Credential=ROLE/" in host.requests[0].headers["Authorization"]
    assert host.requests[0].headers["x-amz-security-token"] == "session"


async def test_gcs(host: Any, transport: Any) -> None:
    """S60: objects of Google Cloud Storage are read, listed and searched through its JSON API, with a token."""
    key = await asyncio.to_thread(RSAKey.generate_key, 2048)
    config = GoogleGcsConfig(client_email="me@x.example", private_key=key.as_pem(private=True).decode())
    integration = GoogleGcsIntegration(config, host.url)
    http = DefaultRootHttpClient()
    forms: list[str] = []

    async def token(request: web.BaseRequest) -> web.Response:
        forms.append(await request.text())
        return web.json_response({"access_token": "T", "expires_in": 3600})

    host.answers["/token"] = token
    host.answers["/storage/v1/b/bucket/o/d%2Fx.yaml"] = b"x"
    item = {"name": "d/x.yaml", "size": "1", "etag": "e", "updated": "2023-11-14T22:13:20Z"}
    host.answers["/storage/v1/b/bucket/o"] = lambda request: web.json_response(
        {"items": [{**item, "name": "d/y.md"}]}
        if query(request).get("pageToken")
        else {"items": [item], "nextPageToken": "n"}
    )
    credentials = GoogleCredentials(config, http, token_url=f"{host.url}/token")
    check = IntegrationHops([host.url], AllowRules([]))
    reader = ObjectReader(GcsStore(integration, credentials, transport, check))
    url = "https://storage.cloud.google.com/bucket/d"
    assert (await reader.read_url(f"{url}/x.yaml")).content == b"x"
    found = await reader.search(f"{url}/*.yaml")
    assert [(file.url, await file.content()) for file in found.files] == [(f"{url}/x.yaml", b"x")]
    assert len((await reader.search(f"{url}/*")).files) == 2
    assert {request.headers.get("Authorization") for request in host.requests[1:]} == {"Bearer T"}
    assert len(forms) == 1
    assertion = parse_qs(forms[0])["assertion"][0]
    claims = jwt.decode(assertion, key, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["scope"]) == (
        "me@x.example",
        "https://www.googleapis.com/auth/devstorage.read_only",
    )
    await http.close()


async def test_github_apps(host: Any, make_reader: Any) -> None:
    """S60: where a GitHub App is installed its token is used, and asked for once."""
    key = await asyncio.to_thread(RSAKey.generate_key, 2048)
    host.answers["/api/app/installations"] = [
        {"id": 1, "account": {"login": "other"}},
        {"id": 2, "account": {"login": "Org"}},
    ]
    host.answers["/api/app/installations/2/access_tokens"] = {"token": "T", "expires_at": "2999-01-01T00:00:00Z"}
    host.answers["/api/repos/org/r/contents/x?ref=main"] = b"x"
    app = {"appId": 7, "privateKey": key.as_pem(private=True).decode(), "clientId": "c", "clientSecret": "s"}
    entry = {"host": host.netloc, "apiBaseUrl": f"{host.url}/api", "apps": [app]}
    reader = make_reader({"integrations": {"github": [entry]}})
    for _ in range(2):
        assert (await reader.read_url(f"{host.url}/org/r/blob/main/x")).content == b"x"
    assert [request.headers["Authorization"] for request in host.requests[2:]] == ["Bearer T", "Bearer T"]
    signed = host.requests[0].headers["Authorization"].removeprefix("Bearer ")
    assert jwt.decode(signed, key, algorithms=["RS256"]).claims["iss"] == "7"


async def test_github_without_token_reads_raw_files(host: Any, other_host: Any, make_reader: Any) -> None:
    """S60: without a token GitHub's raw files are read, which have no rate limit to speak of."""
    other_host.answers["/o/r/main/x.yaml"] = b"raw"
    entry = {"host": host.netloc, "apiBaseUrl": host.url, "rawBaseUrl": other_host.url}
    reader = make_reader({"integrations": {"github": [entry]}})
    assert (await reader.read_url(f"{host.url}/o/r/blob/main/x.yaml")).content == b"raw"
    assert host.requests == []


async def test_archives_may_be_elsewhere(host: Any, other_host: Any, make_reader: Any, tar_gz: Any) -> None:
    """S63: a source host may redirect to another allowed host, which gets no credentials; not into the network."""
    host.answers["/api/repos/o/r/commits/main"] = SHA
    host.answers[f"/api/repos/o/r/tarball/{SHA}"] = web.Response(
        status=302, headers={"Location": f"{other_host.url}/codeload"}
    )
    other_host.answers["/codeload"] = tar_gz({"x": b"1"})
    github = [{"host": host.netloc, "apiBaseUrl": f"{host.url}/api", "token": "secret"}]
    refused = make_reader({"integrations": {"github": github}})
    with pytest.raises(NotAllowedError, match="leads to a loopback network address"):
        await refused.read_tree(f"{host.url}/o/r/tree/main")
    assert other_host.requests == []
    allowed = {"backend": {"reading": {"allow": [{"host": other_host.netloc}]}}, "integrations": {"github": github}}
    tree = await make_reader(allowed).read_tree(f"{host.url}/o/r/tree/main")
    assert [file.path for file in tree.files()] == ["x"]
    assert "Authorization" not in other_host.requests[0].headers


def test_hops_of_integrations() -> None:
    """S63: what the configuration names may be internal, and what lies below it; everything else has to be public."""
    from understage.defaults.url_reader.addresses import Reach, parse_http_url

    check = IntegrationHops(["ghe.corp", "https://10.0.0.1/api/v3", None], AllowRules([]))
    assert Reach.PRIVATE in check(parse_http_url("https://ghe.corp/x"))
    assert Reach.PRIVATE in check(parse_http_url("https://codeload.ghe.corp/x"))
    assert check(parse_http_url("https://10.0.0.1/x")) == ANYWHERE
    for other in ("https://elsewhere.example/x", "https://notghe.corp", "https://ghe.corp:8443/"):
        assert check(parse_http_url(other)) == {Reach.PUBLIC}


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com/x", "https://ec2-10-0-0-5.compute.amazonaws.com/"),
        ("https://github.com/o/r/blob/main/x", "https://internal.github.com/"),
    ],
)
async def test_public_hosts_lend_nothing_to_their_neighbours(make_reader: Any, start: str, target: str) -> None:
    """S63: names below a public host may be anybody's, so that a redirect to one of them has to lead to the public."""
    from understage.defaults.url_reader.addresses import Reach, parse_http_url

    reader = make_reader()._find(start)
    host: Any = reader._store if isinstance(reader, ObjectReader) else reader._host
    check = host._check
    assert Reach.PRIVATE in check(parse_http_url(start))
    assert Reach.LOOPBACK not in check(parse_http_url(start))
    assert check(parse_http_url(target)) == {Reach.PUBLIC}
