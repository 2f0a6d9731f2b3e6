import pytest

from understage.plugin_api import NonePrincipal, ServicePrincipal, UserPrincipal
from understage.plugin_api.credentials import token_of
from understage.testing import mock_credentials


def test_nobody() -> None:
    """T7: none stands for nobody, and its header says so where requests are the mock user's by default."""
    assert mock_credentials.none().principal == NonePrincipal()
    assert mock_credentials.none.header() == {"Authorization": "Bearer mock-none-token"}


def test_user() -> None:
    """T7: the default user is user:default/mock with the plain token; others are named in a JSON payload."""
    assert mock_credentials.user().principal == UserPrincipal("user:default/mock")
    assert mock_credentials.user.token() == "mock-user-token"
    assert mock_credentials.user.header() == {"Authorization": "Bearer mock-user-token"}
    assert mock_credentials.user("user:default/other").principal == UserPrincipal("user:default/other")
    assert mock_credentials.user.token("user:default/other") == 'mock-user-token:{"sub":"user:default/other"}'
    assert mock_credentials.user.header("user:a/b") == {"Authorization": 'Bearer mock-user-token:{"sub":"user:a/b"}'}
    assert mock_credentials.user.invalid_token() == "mock-invalid-user-token"
    assert mock_credentials.user.invalid_header() == {"Authorization": "Bearer mock-invalid-user-token"}


def test_user_with_actor() -> None:
    """T7: a user may have a service that acts on its behalf."""
    credentials = mock_credentials.user(actor="plugin:search")
    assert credentials.principal == UserPrincipal("user:default/mock", ServicePrincipal("plugin:search"))


def test_limited_user() -> None:
    """T7: a limited user has a token, a header and a cookie."""
    token = 'mock-limited-user-token:{"sub":"user:default/mock"}'
    assert mock_credentials.limited_user().principal == UserPrincipal("user:default/mock")
    assert mock_credentials.limited_user.token() == token
    assert mock_credentials.limited_user.header() == {"Authorization": f"Bearer {token}"}
    assert mock_credentials.limited_user.cookie() == {"Cookie": f"backstage-auth={token}"}
    assert mock_credentials.limited_user.invalid_token() == "mock-invalid-limited-user-token"
    assert mock_credentials.limited_user.invalid_header() == {"Authorization": "Bearer mock-invalid-limited-user-token"}
    assert mock_credentials.limited_user.invalid_cookie() == {
        "Cookie": "backstage-auth=mock-invalid-limited-user-token"
    }


def test_service() -> None:
    """T7: the default service is external:test-service; a token may name subject, user acted for and target plugin."""
    assert mock_credentials.service().principal == ServicePrincipal("external:test-service")
    assert mock_credentials.service.token() == "mock-service-token"
    assert mock_credentials.service.header() == {"Authorization": "Bearer mock-service-token"}
    token = mock_credentials.service.token(on_behalf_of=mock_credentials.user(), target_plugin_id="catalog")
    assert token == 'mock-service-token:{"obo":"user:default/mock","target":"catalog"}'
    token = mock_credentials.service.token(on_behalf_of=mock_credentials.service("plugin:a"), target_plugin_id="b")
    assert token == 'mock-service-token:{"sub":"plugin:a","target":"b"}'
    assert mock_credentials.service.invalid_token() == "mock-invalid-service-token"
    assert mock_credentials.service.invalid_header() == {"Authorization": "Bearer mock-invalid-service-token"}


def test_restricted_service() -> None:
    """T7: a service may be limited to permissions."""
    principal = mock_credentials.service(permission_names=["catalog.entity.read"]).principal
    assert principal.access_restrictions is not None
    assert principal.access_restrictions.permission_names == ("catalog.entity.read",)


def test_tokens_are_hidden() -> None:
    """T7: credentials hold their token, but do not show it."""
    credentials = mock_credentials.user("user:default/other")
    assert token_of(credentials) == mock_credentials.user.token("user:default/other")
    assert "mock-user-token" not in repr(credentials)


@pytest.mark.parametrize("ref", ["mock", "default/mock", "user:mock", "group:default/x", "user:/x", "user:a/b/c", ""])
def test_malformed_refs(ref: str) -> None:
    """T7: a malformed user ref is a TypeError, for credentials and tokens, full and limited."""
    for function in (
        mock_credentials.user,
        mock_credentials.user.token,
        mock_credentials.user.header,
        mock_credentials.limited_user,
        mock_credentials.limited_user.cookie,
    ):
        with pytest.raises(TypeError, match="is no user's ref; expected 'user:<namespace>/<name>'"):
            function(ref)
