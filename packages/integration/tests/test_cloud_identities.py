"""Identities that a cloud gives to what runs in it: roles of AWS, managed identities of Azure."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from understage.config import ConfigError, config_from_data
from understage.errors import ResponseError, ServiceUnavailableError, UnsupportedOperationError
from understage.integration import AwsCredentials, AzureCredentials, AzureIntegration, ScmIntegrations
from understage.integration.aws_signature import AwsKeys, presign_get
from understage.integration.config import AwsS3Config, AzureConfig, AzureCredentialConfig

NOW = 1_700_000_000.0
ROLE = "arn:aws:iam::1:role/reader"
SESSION = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2023-11-14T23:13:20Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


@dataclass
class Response:
    status: int
    reason: str
    body: bytes


@dataclass
class FakeHttp:
    """Answers all requests with what is next, the last one again and again, and remembers what it was asked."""

    answers: list[Any]
    requests: list[tuple[str, str, Mapping[str, str], str]] = field(default_factory=list)

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        self.requests.append((method, url, headers or {}, (body or b"").decode()))
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response):
            return answer
        return Response(200, "OK", answer.encode() if isinstance(answer, str) else msgspec.json.encode(answer))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def query_of(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


async def test_a_role_is_taken_on() -> None:
    """S60: roleArn and externalId lead to keys of that role; the request is signed as Amazon's own library does."""
    http, clock = FakeHttp([SESSION.format(key="ONE"), SESSION.format(key="TWO")]), Clock()
    config = AwsS3Config(role_arn=ROLE, external_id="e=1 ~x", region="eu-west-1")
    env = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "session",
    }
    credentials = AwsCredentials(config, http, clock, env)
    found = await asyncio.gather(*(credentials.get_keys() for _ in range(5)))
    assert found == [AwsKeys("ONE", "secret", "session")] * 5
    [(method, url, headers, body)] = http.requests
    assert (method, urlsplit(url).netloc, urlsplit(url).path, body) == ("GET", "sts.eu-west-1.amazonaws.com", "/", "")
    assert query_of(urlsplit(url).query) == {
        "Action": "AssumeRole",
        "RoleArn": ROLE,
        "RoleSessionName": "understage-url-reader",
        "Version": "2011-06-15",
        "ExternalId": "e=1 ~x",
    }
    # What Amazon's library for JavaScript signs of the same request with these keys at this moment.
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20231114/eu-west-1/sts/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
        "Signature=53520a5b04db9fe0e02b3d44285797d15364e49418c80755a514bee084432c74"
    )
    clock.now += 3541
    assert await credentials.get_keys() == AwsKeys("TWO", "secret", "session")


async def test_the_identity_of_a_pod(tmp_path: Path) -> None:
    """S60: the token file and role that Kubernetes on AWS sets lead to keys, which may take on a further role."""
    (tmp_path / "token").write_text("the-token\n")
    env = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": "arn:pod",
        "AWS_REGION": "cn-north-1",
    }
    http = FakeHttp([SESSION.format(key="POD"), SESSION.format(key="ROLE")])
    assert await AwsCredentials(AwsS3Config(), http, Clock(), env).get_keys() == AwsKeys("POD", "secret", "session")
    method, url, headers, body = http.requests[0]
    assert (method, url) == ("POST", "https://sts.cn-north-1.amazonaws.com.cn/")
    assert "Authorization" not in headers
    form = query_of(body)
    assert (form["Action"], form["RoleArn"]) == ("AssumeRoleWithWebIdentity", "arn:pod")
    assert form["WebIdentityToken"] == "the-token"

    http = FakeHttp([SESSION.format(key="POD"), SESSION.format(key="ROLE")])
    own_store = AwsS3Config(role_arn=ROLE, endpoint="https://store.example")
    env["AWS_ENDPOINT_URL_STS"] = "https://sts.example/"
    assert await AwsCredentials(own_store, http, Clock(), env).get_keys() == AwsKeys("ROLE", "secret", "session")
    assert [urlsplit(request[1]).netloc for request in http.requests] == ["sts.example", "sts.example"]
    assert "Credential=POD/" in http.requests[1][2]["Authorization"]

    (tmp_path / "token").unlink()
    with pytest.raises(ServiceUnavailableError, match=r"AWS_WEB_IDENTITY_TOKEN_FILE .* cannot be read"):
        await AwsCredentials(AwsS3Config(), http, Clock(), env).get_keys()


async def test_the_identity_of_a_container(tmp_path: Path) -> None:
    """S60: ECS and the pod identities of EKS tell where keys are, and with which token to ask for them."""
    (tmp_path / "token").write_text("the-token\n")
    answer = {"AccessKeyId": "C", "SecretAccessKey": "s", "Token": "t", "Expiration": "2023-11-14T23:13:20Z"}
    for env, url, token in (
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"}, "http://169.254.170.2/v2/x", None),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
            },
            "http://169.254.170.23/v1",
            "the-token",
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://h", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "plain"},
            "http://h",
            "plain",
        ),
    ):
        http, clock = FakeHttp([answer]), Clock()
        credentials = AwsCredentials(AwsS3Config(), http, clock, env)
        for _ in range(2):
            assert await credentials.get_keys() == AwsKeys("C", "s", "t")
        [(method, asked, headers, _)] = http.requests
        assert (method, asked, headers.get("Authorization")) == ("GET", url, token)
        clock.now += 3541
        await credentials.get_keys()
        assert len(http.requests) == 2


async def test_keys_without_a_role() -> None:
    """S60: configured keys beat the environment's, which only count at Amazon; without any, requests are anonymous."""
    env = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"}
    http = FakeHttp([])

    async def keys(env: Mapping[str, str], **config: Any) -> AwsKeys | None:
        return await AwsCredentials(AwsS3Config(**config), http, Clock(), env).get_keys()

    assert await keys(env, access_key_id="OWN", secret_access_key="s") == AwsKeys("OWN", "s")
    assert await keys(env) == AwsKeys("ENV", "s")
    assert await keys(env, endpoint="https://store.example") is None
    assert await keys({}) is None
    assert http.requests == []


async def test_roles_that_are_refused() -> None:
    """S60: without keys, refused, or answered with nonsense, a role is an error, never an anonymous request."""
    own = AwsS3Config(role_arn=ROLE, access_key_id="AK", secret_access_key="SK")
    with pytest.raises(UnsupportedOperationError, match=f"there are no keys to take on {ROLE} with; give accessKeyId"):
        await AwsCredentials(AwsS3Config(role_arn=ROLE), FakeHttp([]), Clock(), {}).get_keys()
    refused = FakeHttp([Response(403, "Forbidden", b"<ErrorResponse>AccessDenied</ErrorResponse>")])
    with pytest.raises(ResponseError, match="AccessDenied") as caught:
        await AwsCredentials(own, refused, Clock(), {}).get_keys()
    assert "RoleArn" not in str(caught.value)
    for answer in ("no xml", "<x/>", SESSION.replace("<SessionToken>session</SessionToken>", "")):
        with pytest.raises(ServiceUnavailableError, match="was not answered as expected"):
            await AwsCredentials(own, FakeHttp([answer]), Clock(), {}).get_keys()


def azure(http: FakeHttp, clock: Clock, env: Mapping[str, str], **entry: Any) -> AzureCredentials:
    config = AzureConfig(host="dev.azure.com", credentials=[AzureCredentialConfig(**entry)])
    return AzureCredentials(AzureIntegration(config), http, clock, "https://login.example", env)


@pytest.mark.parametrize(("client_id", "sent"), [("system-assigned", None), ("id-1", "id-1")])
async def test_a_managed_identity(client_id: str, sent: str | None) -> None:
    """S60: a managed identity gets its tokens from the machine's endpoint, and new ones shortly before their end."""
    http, clock = FakeHttp([{"access_token": "ONE", "expires_in": "3600"}, {"access_token": "TWO"}]), Clock()
    credentials = azure(http, clock, {}, client_id=client_id)
    for _ in range(2):
        assert await credentials.get_headers("org") == {"Authorization": "Bearer ONE"}
    [(method, url, headers, _)] = http.requests
    assert (method, url.partition("?")[0]) == ("GET", "http://169.254.169.254/metadata/identity/oauth2/token")
    assert headers == {"Metadata": "true"}
    query = query_of(urlsplit(url).query)
    assert query.pop("client_id", None) == sent
    assert query == {"api-version": "2018-02-01", "resource": "499b84ac-1321-427f-aa17-267ca6975798"}
    clock.now += 3541
    assert await credentials.get_headers("org") == {"Authorization": "Bearer TWO"}


async def test_the_identity_endpoint_of_a_service() -> None:
    """S60: where the environment names an endpoint for identities, as App Service does, that one is asked."""
    http, clock = FakeHttp([{"access_token": "T", "expires_on": str(int(NOW) + 600)}]), Clock()
    env = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41/token", "IDENTITY_HEADER": "proof"}
    credentials = azure(http, clock, env, client_id="id-1")
    assert await credentials.get_headers("org") == {"Authorization": "Bearer T"}
    _, url, headers, _ = http.requests[0]
    assert url.startswith("http://127.0.0.1:41/token?api-version=2019-08-01&")
    assert headers == {"X-IDENTITY-HEADER": "proof"}
    clock.now += 541
    await credentials.get_headers("org")
    assert len(http.requests) == 2


async def test_an_identity_stands_for_an_application() -> None:
    """S60: a managed identity vouches for an application of another tenant, instead of the application's secret."""
    http = FakeHttp([{"access_token": "ASSERTION"}, {"access_token": "T", "expires_in": 3600}])
    credentials = azure(http, Clock(), {}, client_id="app", tenant_id="t", managed_identity_client_id="system-assigned")
    assert await credentials.get_headers("org") == {"Authorization": "Bearer T"}
    assert query_of(urlsplit(http.requests[0][1]).query)["resource"] == "api://AzureADTokenExchange"
    method, url, _, body = http.requests[1]
    assert (method, url) == ("POST", "https://login.example/t/oauth2/v2.0/token")
    form = query_of(body)
    assert "client_secret" not in form
    assert (form["client_id"], form["client_assertion"]) == ("app", "ASSERTION")
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.mark.parametrize(
    ("integrations", "message"),
    [
        ({"awsS3": [{"accessKeyId": "k"}]}, r"awsS3\[0\]\.accessKeyId: expected both accessKeyId and secretAccessKey"),
        ({"awsS3": [{"externalId": "e"}]}, r"awsS3\[0\]\.externalId: expected roleArn, too"),
        ({"azure": [{"host": "h", "credentials": [{"tenantId": "t"}]}]}, r"azure\[0\]\.credentials: expected in each"),
        (
            {"azure": [{"host": "h", "credentials": [{"personalAccessToken": "p", "clientId": "c"}]}]},
            r"azure\[0\]\.credentials: expected in each",
        ),
        (
            {"azure": [{"host": "h", "credentials": [{"clientId": "c", "clientSecret": "s"}]}]},
            r"azure\[0\]\.credentials: expected in each",
        ),
    ],
)
def test_credentials_that_lack_a_part(integrations: dict[str, Any], message: str) -> None:
    """S60: credentials that lack a part stop the start, and name the key and what goes together."""
    with pytest.raises(ConfigError, match=message):
        ScmIntegrations.from_config(config_from_data({"integrations": integrations}))


def test_presigned_addresses() -> None:
    """S19: a signed address, the password at Amazon RDS, is what Amazon's own library makes."""
    keys = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "ses/sion=")
    query = {"Action": "connect", "DBUser": "me@x"}
    moment = datetime.fromtimestamp(NOW, UTC)
    signed = presign_get("db.example:5432", query, keys, "eu-west-1", moment, service="rds-db", seconds=900)
    host, _, text = signed.partition("/?")
    assert host == "db.example:5432"
    assert query_of(text) == {
        **query,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20231114/eu-west-1/rds-db/aws4_request",
        "X-Amz-Date": "20231114T221320Z",
        "X-Amz-Expires": "900",
        "X-Amz-Security-Token": "ses/sion=",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "3ad07fa436e8cc423efb6cc27cf1400885bbd2910f72db4c4905b7f62e08e8f0",
    }
