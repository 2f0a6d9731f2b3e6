"""Sessions and sign-in types."""

import base64
import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.auth_api import (
    CatalogUserQuery,
    ProfileInfo,
    Session,
    SignInResult,
    UserIdentity,
    backstage_identity,
    is_development,
    session_response,
)
from understage.errors import InputError


def make_token(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def test_a_session_has_the_members_of_the_wire_in_their_order() -> None:
    """P4: profile, then providerInfo, then backstageIdentity with token, identity and expiresInSeconds."""
    token = make_token({"sub": "user:default/jane", "exp": 1000})
    identity = backstage_identity(SignInResult(token, UserIdentity("user:default/jane", ("group:default/a",))), now=1)
    session = Session(
        profile=ProfileInfo(email="j@x.org", display_name="Jane"),
        provider_info={"scope": "openid"},
        backstage_identity=identity,
    )
    assert msgspec.json.encode(session).decode() == (
        '{"profile":{"email":"j@x.org","displayName":"Jane"},"providerInfo":{"scope":"openid"},'
        f'"backstageIdentity":{{"token":"{token}","identity":{{"type":"user","userEntityRef":"user:default/jane",'
        '"ownershipEntityRefs":["group:default/a"]},"expiresInSeconds":999}}'
    )


def test_what_is_not_known_is_left_out_of_a_session() -> None:
    """P4: an empty profile is an empty object, and without a sign-in there is no backstageIdentity."""
    assert session_response(ProfileInfo(), None).body == b'{"profile":{}}'


def test_a_session_is_json_in_utf8() -> None:
    """P4: the content type is that of Backstage's JSON answers."""
    assert session_response(ProfileInfo(), None).headers["content-type"] == "application/json; charset=utf-8"


def test_the_remaining_life_is_rounded_down() -> None:
    """P4: expiresInSeconds are the whole seconds until the token's exp."""
    token = make_token({"sub": "user:default/jane", "exp": 3600})
    assert backstage_identity(SignInResult(token), now=0.4).expires_in_seconds == 3599


def test_the_present_counts_unless_a_time_is_given() -> None:
    """P4: expiresInSeconds counts from now."""
    token = make_token({"sub": "user:default/jane", "exp": int(time.time()) + 100})
    remaining = backstage_identity(SignInResult(token)).expires_in_seconds
    assert remaining is not None
    assert 95 <= remaining <= 100


def test_a_token_without_end_has_no_remaining_life() -> None:
    """P4: expiresInSeconds is left out for a token without exp."""
    identity = backstage_identity(SignInResult(make_token({"sub": "user:default/jane"})))
    assert b"expiresInSeconds" not in msgspec.json.encode(identity)


def test_an_identity_is_read_from_a_token_that_comes_without_one() -> None:
    """P4: a resolver that made its own token need not repeat its claims."""
    token = make_token({"sub": "user:default/jane", "ent": ["user:default/jane", "group:default/a"]})
    assert backstage_identity(SignInResult(token)).identity == UserIdentity(
        "user:default/jane", ("user:default/jane", "group:default/a")
    )


@given(st.one_of(st.text(), st.builds(lambda claims: make_token(claims), st.dictionaries(st.text(), st.integers()))))
def test_a_result_that_is_no_token_is_an_input_error(token: str) -> None:
    """P4: whatever a resolver returns as a token, the answer is an identity or an error that says so."""
    with pytest.raises(InputError, match="the sign-in resolver returned a token"):
        backstage_identity(SignInResult(token))


@pytest.mark.parametrize("arguments", [{}, {"entity_ref": "jane", "annotations": {"a": "b"}}, {"annotations": {}}])
def test_a_user_is_looked_up_in_exactly_one_way(arguments: dict[str, object]) -> None:
    """P20: a query with none or two of its parts is refused."""
    with pytest.raises(InputError, match="looked up by one of entity_ref, annotations or filter"):
        CatalogUserQuery(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"NODE_ENV": "development"}, True),
        ({"UNDERSTAGE_ENV": "development"}, True),
        ({"NODE_ENV": "production"}, False),
        ({}, False),
    ],
)
def test_development_is_what_the_environment_says(environment: dict[str, str], expected: bool) -> None:
    """P6: NODE_ENV or UNDERSTAGE_ENV set to development makes a development machine."""
    assert is_development(environment) is expected


def test_the_environment_of_the_process_counts_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """P6: without an argument the process is asked."""
    monkeypatch.setenv("NODE_ENV", "development")
    assert is_development()
