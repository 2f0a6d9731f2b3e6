"""Tokens and signatures."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from understage.errors import NotFoundError, ResponseError, ServiceUnavailableError
from understage.integration import (
    AzureCredentials,
    AzureIntegration,
    BitbucketCloudCredentials,
    BitbucketCloudIntegration,
    GithubCredentials,
    GithubIntegration,
    GoogleCredentials,
)
from understage.integration.access_tokens import AccessToken, AccessTokens
from understage.integration.aws_signature import AwsKeys, sign_get
from understage.integration.config import (
    AzureConfig,
    AzureCredentialConfig,
    BitbucketCloudConfig,
    BitbucketServerConfig,
    GerritConfig,
    GiteaConfig,
    GithubAppConfig,
    GithubConfig,
    GoogleGcsConfig,
)
from understage.integration.host_credentials import bitbucket_server_headers, gerrit_headers, gitea_headers

NOW = 1_700_000_000.0
KEY = RSAKey.generate_key(2048)
PEM = KEY.as_pem(private=True).decode()


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(text.encode()).decode()}"}


@dataclass
class Response:
    status: int
    reason: str
    body: bytes


class FakeHttp:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = answers
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        self.requests.append((method, url, dict(headers or {}), body or b""))
        answer = self.answers[url]
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer()
        if isinstance(answer, Response):
            return answer
        return Response(200, "OK", msgspec.json.encode(answer))

    def form(self, index: int) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.requests[index][3].decode()).items()}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def github(http: FakeHttp, clock: Clock, **config: Any) -> GithubCredentials:
    return GithubCredentials(GithubIntegration(GithubConfig(host="github.com", **config)), http, clock)


def app(number: int = 7, **options: Any) -> GithubAppConfig:
    return GithubAppConfig(app_id=number, private_key=PEM, client_id="c", client_secret="s", **options)


API = "https://api.github.com/app/installations"
LIST = f"{API}?per_page=100&page=1"


def installed(*owners: str, **options: Any) -> list[dict[str, Any]]:
    return [{"id": index, "account": {"login": owner}, **options} for index, owner in enumerate(owners)]


async def test_github_tokens() -> None:
    """S60: without apps the configured token counts, or none."""
    assert await github(FakeHttp(), Clock(), token="t").get_token("o") == "t"
    assert await github(FakeHttp(), Clock()).get_token("o") is None


async def test_github_apps() -> None:
    """S60: an app's installation token counts for its owner until shortly before its end; others get the token."""
    clock, ends = Clock(), datetime.fromtimestamp(NOW + 3600, UTC).isoformat()
    http = FakeHttp()
    http.answers = {LIST: installed("Org"), f"{API}/0/access_tokens": {"token": "T1", "expires_at": ends}}
    credentials = github(http, clock, token="t", apps=[app()])
    assert list(await asyncio.gather(*map(credentials.get_token, ("org", "ORG")))) == ["T1", "T1"]
    assert await credentials.get_token("other") == "t"
    signed = http.requests[0][2]["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(signed, KEY, algorithms=["RS256"]).claims
    assert claims == {"iat": int(NOW) - 60, "exp": int(NOW) + 540, "iss": "7"}
    asked = [request[1] for request in http.requests]
    assert asked.count(f"{API}/0/access_tokens") == 1
    http.answers[f"{API}/0/access_tokens"] = {"token": "T2", "expires_at": "2999-01-01T00:00:00Z"}
    clock.now += 3541
    assert await credentials.get_token("org") == "T2"


async def test_github_apps_by_owner() -> None:
    """S60: an app with a list of owners counts for no others."""
    http = FakeHttp()
    http.answers = {LIST: installed("a", "b")}
    http.answers[f"{API}/0/access_tokens"] = {"token": "A", "expires_at": "2999-01-01T00:00:00Z"}
    credentials = github(http, Clock(), apps=[app(allowed_installation_owners=["A"])])
    assert await credentials.get_token("a") == "A"
    assert await credentials.get_token("b") is None


async def test_github_apps_for_public_repositories() -> None:
    """S60: an app with public access lends its token where it is not installed and there is no other."""
    http = FakeHttp()
    http.answers = {
        LIST: installed("a"),
        f"{API}/0/access_tokens": {"token": "A", "expires_at": "2999-01-01T00:00:00Z"},
    }
    assert await github(http, Clock(), apps=[app(public_access=True)]).get_token("b") == "A"
    assert await github(http, Clock(), apps=[app(public_access=True)], token="t").get_token("b") == "t"


async def test_suspended_github_apps() -> None:
    """S60: a suspended installation is an error that names it."""
    http = FakeHttp()
    http.answers = {LIST: installed("a", suspended_at="2023-01-01T00:00:00Z")}
    with pytest.raises(NotFoundError, match="GitHub App 7 for 'a' is suspended"):
        await github(http, Clock(), apps=[app()]).get_token("a")


async def test_many_github_installations() -> None:
    """S60: installations are listed page by page."""
    http = FakeHttp()
    http.answers = {LIST: installed(*(f"o{n}" for n in range(100)))}
    http.answers[f"{API}?per_page=100&page=2"] = [{"id": 100, "account": {"login": "last"}}]
    http.answers[f"{API}/100/access_tokens"] = {"token": "L", "expires_at": "2999-01-01T00:00:00Z"}
    assert await github(http, Clock(), apps=[app()]).get_token("last") == "L"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response(401, "Unauthorized", b'{"message": "no"}'), ResponseError),
        (Response(200, "OK", b"<html>"), ServiceUnavailableError),
        ({"not": "a list"}, ServiceUnavailableError),
    ],
)
async def test_strange_github_answers(answer: Any, error: type[Exception]) -> None:
    """S60: a refusal, or an answer of another shape, is an error; the key is in none of them."""
    http = FakeHttp()
    http.answers = {LIST: answer}
    with pytest.raises(error) as caught:
        await github(http, Clock(), apps=[app()]).get_token("a")
    assert PEM[40:80] not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BitbucketCloudConfig(), {}),
        (BitbucketCloudConfig(username="u", app_password="p"), basic("u:p")),
        (BitbucketCloudConfig(username="u", token="t", app_password="p"), basic("u:t")),
        (BitbucketCloudConfig(token="t"), {"Authorization": "Bearer t"}),
    ],
)
async def test_bitbucket_users(config: BitbucketCloudConfig, expected: Mapping[str, str]) -> None:
    """S60: a user's token or app password is sent as basic authentication."""
    credentials = BitbucketCloudCredentials(BitbucketCloudIntegration(config), FakeHttp())
    assert await credentials.get_headers() == expected


async def test_bitbucket_consumers() -> None:
    """S60: an OAuth consumer gets a token, asks again shortly before its end, and beats a user."""
    http, clock = FakeHttp(), Clock()
    http.answers = {"https://token.example": {"access_token": "T", "expires_in": 7200}}
    config = BitbucketCloudConfig(client_id="c", client_secret="s", username="u", app_password="p")
    credentials = BitbucketCloudCredentials(BitbucketCloudIntegration(config), http, clock, "https://token.example")
    assert await credentials.get_headers() == {"Authorization": "Bearer T"}
    assert await credentials.get_headers() == {"Authorization": "Bearer T"}
    assert len(http.requests) == 1
    assert http.requests[0][2]["Authorization"] == basic("c:s")["Authorization"]
    assert http.form(0) == {"grant_type": "client_credentials"}
    clock.now += 7141
    await credentials.get_headers()
    assert len(http.requests) == 2


@pytest.mark.parametrize("answer", [{"no": "token"}, ["x"], {"access_token": "t", "expires_in": "soon"}])
async def test_token_endpoints_that_answer_otherwise(answer: Any) -> None:
    """S60: an answer without a token is an error."""
    http = FakeHttp()
    http.answers = {"https://token.example": answer}
    config = BitbucketCloudConfig(client_id="c", client_secret="s")
    credentials = BitbucketCloudCredentials(BitbucketCloudIntegration(config), http, token_url="https://token.example")
    with pytest.raises(ServiceUnavailableError, match="was not answered as expected"):
        await credentials.get_headers()


async def test_azure_credentials() -> None:
    """S60: the entry that names the organization counts, else the one for all, else the older token."""
    entries = [
        AzureCredentialConfig(organizations=["One"], personal_access_token="one"),
        AzureCredentialConfig(personal_access_token="all"),
        AzureCredentialConfig(organizations=["app"], client_id="c", client_secret="s", tenant_id="t"),
    ]
    http = FakeHttp()
    http.answers = {"https://login.example/t/oauth2/v2.0/token": {"access_token": "T", "expires_in": 3600}}

    def credentials(config: AzureConfig) -> AzureCredentials:
        return AzureCredentials(AzureIntegration(config), http, Clock(), "https://login.example")

    some = credentials(AzureConfig(host="dev.azure.com", credentials=entries))
    assert await some.get_headers("one") == basic(":one")
    assert await some.get_headers("two") == basic(":all")
    assert await some.get_headers("app") == {"Authorization": "Bearer T"}
    assert (http.form(0)["client_id"], http.form(0)["client_secret"]) == ("c", "s")
    assert await credentials(AzureConfig(host="x", token="old")).get_headers("any") == basic(":old")
    assert await credentials(AzureConfig(host="x")).get_headers("any") == {}


async def test_google_credentials() -> None:
    """S60: a service account signs for a token that may only read; without one requests are anonymous."""
    http = FakeHttp()
    http.answers = {"https://token.example": {"access_token": "T"}}
    config = GoogleGcsConfig(client_email="me@x.example", private_key=PEM.replace("\n", "\\n"))
    credentials = GoogleCredentials(config, http, Clock(), "https://token.example")
    assert await credentials.get_headers() == {"Authorization": "Bearer T"}
    claims = jwt.decode(http.form(0)["assertion"], KEY, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"]) == ("me@x.example", "https://token.example")
    assert claims["exp"] - claims["iat"] == 3600
    assert await GoogleCredentials(GoogleGcsConfig(), http).get_headers() == {}


def test_simple_credentials() -> None:
    """S60: tokens, and users with passwords, are sent in the way of each host."""
    assert bitbucket_server_headers(BitbucketServerConfig(host="x", token="t")) == {"Authorization": "Bearer t"}
    assert bitbucket_server_headers(BitbucketServerConfig(host="x", username="u", password="p")) == basic("u:p")
    assert bitbucket_server_headers(BitbucketServerConfig(host="x", username="u")) == {}
    assert gitea_headers(GiteaConfig(host="x", password="t")) == {"Authorization": "token t"}
    assert gitea_headers(GiteaConfig(host="x", username="u", password="p")) == basic("u:p")
    assert gitea_headers(GiteaConfig(host="x")) == {}
    gerrit = GerritConfig(host="x", gitiles_base_url="https://x", username="u", password="p")
    assert gerrit_headers(gerrit) == basic("u:p")
    assert gerrit_headers(GerritConfig(host="x", gitiles_base_url="https://x")) == {}


async def test_failed_tokens_are_not_kept() -> None:
    """A token that could not be had is asked for again."""
    tokens = AccessTokens(Clock())
    answers: Iterator[Exception | AccessToken] = iter([ServiceUnavailableError("down"), AccessToken("T", NOW + 1000)])

    async def fetch() -> AccessToken:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ServiceUnavailableError):
        await tokens.get("x", fetch)
    assert await tokens.get("x", fetch) == "T"


async def test_tokens_from_before_the_clock_was_set_back() -> None:
    """After the clock was set back nobody knows when a token ends, so a new one is got."""
    clock = Clock()
    tokens = AccessTokens(clock)
    fetched = 0

    async def fetch() -> AccessToken:
        nonlocal fetched
        fetched += 1
        return AccessToken(f"T{fetched}", clock.now + 3600)

    assert [await tokens.get("x", fetch) for _ in range(2)] == ["T1", "T1"]
    clock.now -= 86_400
    assert [await tokens.get("x", fetch) for _ in range(2)] == ["T2", "T2"]
    clock.now += 3600
    assert await tokens.get("x", fetch) == "T3"


def test_secrets_are_not_shown() -> None:
    """Tokens and keys do not show in representations."""
    assert "secret" not in repr(AccessToken("secret", NOW)) + repr(AwsKeys("id", "secret", "secret"))


def test_signatures() -> None:
    """S60: requests to S3 are signed as the protocol's published examples are."""
    keys = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    url = "https://examplebucket.s3.amazonaws.com/?prefix=J&max-keys=2"
    signed = sign_get(url, keys, "us-east-1", moment)
    assert signed["x-amz-date"] == "20130524T000000Z"
    assert signed["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        " SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
        " Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )
    temporary = sign_get(url, AwsKeys("id", "secret", "session"), "us-east-1", moment)
    assert temporary["x-amz-security-token"] == "session"
    assert "x-amz-date;x-amz-security-token" in temporary["Authorization"]
