"""What is known of a user."""

import asyncio
import json
from typing import Any

import pytest

from understage.defaults.auth.tokens import encode_json_segment
from understage.defaults.user_info import DefaultUserInfo, user_info_service_factory
from understage.errors import InputError, ResponseError, ServiceUnavailableError, UnderstageError
from understage.plugin_api import (
    Credentials,
    HttpResponse,
    NonePrincipal,
    ServicePrincipal,
    UserInfo,
    UserPrincipal,
)


class AuthPlugin:
    """Answers requests for user info, when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answer: object = {"claims": {"sub": "user:default/jane", "ent": ["user:default/jane", "group:default/a"]}}
        self.status = 200
        self.gate: asyncio.Event | None = None

    async def get_base_url(self, plugin_id: Any) -> Any:
        return f"http://backend.test/api/{plugin_id}"

    async def request(self, method: Any, url: Any, *, headers: Any = None, **_: Any) -> Any:
        self.requests.append((method, url, headers))
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return HttpResponse(self.status, "", {}, body)


@pytest.fixture
def auth_plugin() -> Any:
    return AuthPlugin()


@pytest.fixture
def user_info(auth_plugin: Any) -> Any:
    return DefaultUserInfo(auth_plugin, auth_plugin, clock=lambda: auth_plugin.now)


def credentials(user: Any = "user:default/jane", **claims: Any) -> Any:
    token = f"{encode_json_segment({'typ': 'vnd.backstage.user'})}.{encode_json_segment({'sub': user, **claims})}.c2ln"
    return Credentials(UserPrincipal(user), None, token)


JANE = UserInfo("user:default/jane", ("user:default/jane", "group:default/a"))


async def test_asks_the_auth_plugin(user_info: Any, auth_plugin: Any) -> None:
    """S70, S71: without `ent` in the token the auth plugin is asked, with the user's own token."""
    user = credentials()
    assert await user_info.get_user_info(user) == JANE
    assert auth_plugin.requests == [
        ("GET", "http://backend.test/api/auth/v1/userinfo", {"authorization": f"Bearer {user._token}"})
    ]


async def test_reads_the_token(user_info: Any, auth_plugin: Any) -> None:
    """S70: `ent` in the token is used without asking."""
    info = await user_info.get_user_info(credentials(ent=["group:default/b"]))
    assert info == UserInfo("user:default/jane", ("group:default/b",))
    assert auth_plugin.requests == []


@pytest.mark.parametrize("ent", ["group:default/b", [1], {"a": 1}, None])
async def test_odd_claim_in_the_token(user_info: Any, ent: Any) -> None:
    """S70: an `ent` that is no list of texts is not used."""
    assert await user_info.get_user_info(credentials(ent=ent)) == JANE


@pytest.mark.parametrize(
    "other",
    [
        Credentials(NonePrincipal()),
        Credentials(ServicePrincipal("plugin:search"), None, "x.y.z"),
        Credentials(UserPrincipal("user:default/jane")),
    ],
)
async def test_users_only(user_info: Any, auth_plugin: Any, other: Any) -> None:
    """S70: only credentials of users with a token behind them are accepted."""
    with pytest.raises(InputError, match=r"User info is for users only"):
        await user_info.get_user_info(other)
    assert auth_plugin.requests == []


@pytest.mark.parametrize(
    "answer",
    [{}, {"claims": {}}, {"claims": {"ent": "x"}}, {"claims": {"ent": [1]}}, [], None, b"<html>", b"[" * 99999],
)
async def test_odd_answers(user_info: Any, auth_plugin: Any, answer: Any) -> None:
    """S70: the answer must hold a list of texts; anything else is an error that says so, and is not remembered."""
    auth_plugin.answer, good = answer, auth_plugin.answer
    with pytest.raises(UnderstageError, match=r"'claims.ent' is no list of texts"):
        await user_info.get_user_info(credentials())
    auth_plugin.answer = good
    assert await user_info.get_user_info(credentials()) == JANE


async def test_refusal_keeps_its_status(user_info: Any, auth_plugin: Any) -> None:
    """S70: what the auth plugin answers to a bad token is passed on with its status."""
    auth_plugin.status, auth_plugin.answer = 401, {"error": {"name": "AuthenticationError", "message": "Invalid token"}}
    with pytest.raises(ResponseError, match=r"Invalid token") as caught:
        await user_info.get_user_info(credentials())
    assert caught.value.status_code == 401


async def test_remembered_for_five_seconds(user_info: Any, auth_plugin: Any) -> None:
    """S71: an answer is remembered for five seconds, for each user's token by itself."""
    for seconds in (0, 4.9):
        auth_plugin.now = 1000 + seconds
        await user_info.get_user_info(credentials())
    assert len(auth_plugin.requests) == 1
    await user_info.get_user_info(credentials("user:default/joe"))
    assert len(auth_plugin.requests) == 2
    auth_plugin.now = 1005
    await user_info.get_user_info(credentials())
    assert len(auth_plugin.requests) == 3


async def test_concurrent_calls_share_a_request(user_info: Any, auth_plugin: Any) -> None:
    """S71: calls for one user's token at the same time share one request, and a cancelled one disturbs no other."""
    auth_plugin.gate = asyncio.Event()
    calls = [asyncio.create_task(user_info.get_user_info(credentials())) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    auth_plugin.gate.set()
    assert await asyncio.gather(*calls[1:]) == [JANE] * 4
    assert len(auth_plugin.requests) == 1


async def test_failure_is_shared_and_not_remembered(user_info: Any, auth_plugin: Any) -> None:
    """S71: a failed request fails all who wait for it, and the next call asks again."""
    auth_plugin.answer, good = ServiceUnavailableError("down"), auth_plugin.answer
    results = await asyncio.gather(*(user_info.get_user_info(credentials()) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [ServiceUnavailableError] * 3
    assert len(auth_plugin.requests) == 1
    auth_plugin.answer = good
    assert await user_info.get_user_info(credentials()) == JANE


async def test_failure_does_not_evict(user_info: Any, auth_plugin: Any) -> None:
    """S71: a failed request does not take away what another one found out."""
    await user_info.get_user_info(credentials())
    auth_plugin.answer = ServiceUnavailableError("down")
    auth_plugin.now += 5
    with pytest.raises(ServiceUnavailableError):
        await user_info.get_user_info(credentials())
    auth_plugin.now -= 1
    assert await user_info.get_user_info(credentials()) == JANE


async def test_memory_is_bounded(user_info: Any) -> None:
    """S71: what is remembered is bounded."""
    for number in range(1100):
        await user_info.get_user_info(credentials(f"user:default/u{number}"))
    assert len(user_info._fresh) == 1000


async def test_factory(auth_plugin: Any) -> None:
    """S70: the factory makes the service from discovery and the HTTP client."""
    factory: Any = user_info_service_factory.factory
    service = factory(discovery=auth_plugin, http_client=auth_plugin)
    assert await service.get_user_info(credentials()) == JANE
