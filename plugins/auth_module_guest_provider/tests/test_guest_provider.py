"""The guest provider."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from starlette.requests import Request
from tests.support.recording_logger import RecordingLogger

from understage.auth_api import (
    AuthProviderContext,
    AuthProviderRouteHandlers,
    CatalogUserQuery,
    Entity,
    SignInResult,
    UserIdentity,
)
from understage.auth_module_guest_provider.authenticator import create_guest_provider
from understage.config import ConfigError, config_from_data
from understage.errors import (
    NotAllowedError,
    NotFoundError,
    ServiceUnavailableError,
    UnsupportedOperationError,
)

GUEST = "user:development/guest"
TOKEN = "e30.eyJzdWIiOiJ1c2VyOmRldmVsb3BtZW50L2d1ZXN0In0.c2ln"  # its claims: {"sub": "user:development/guest"}


class FakeSignIn:
    """Knows one user of the catalog, or fails to ask."""

    def __init__(self, known: Sequence[str] = (), failure: Exception | None = None) -> None:
        self.known, self.failure = known, failure

    async def issue_token(
        self, sub: str, *, ent: Sequence[str] | None = None, claims: Mapping[str, object] | None = None
    ) -> SignInResult:
        return SignInResult(TOKEN, UserIdentity(sub, tuple(ent or ())))

    async def sign_in_with_catalog_user(
        self, query: CatalogUserQuery, *, dangerous_entity_ref_fallback: str | None = None
    ) -> SignInResult:
        if self.failure is not None:
            raise self.failure
        if query.entity_ref not in self.known:
            raise NotFoundError("User not found")
        assert query.entity_ref is not None
        return SignInResult(TOKEN, UserIdentity(query.entity_ref, (query.entity_ref, "group:default/guests")))

    async def find_catalog_user(self, query: CatalogUserQuery) -> Entity:
        raise AssertionError("not needed")

    async def resolve_ownership_entity_refs(self, entity: Entity) -> Sequence[str]:
        raise AssertionError("not needed")


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_ENV", raising=False)
    monkeypatch.delenv("UNDERSTAGE_ENV", raising=False)


def provider(
    section: Mapping[str, Any] | None = None, sign_in: FakeSignIn | None = None, logger: RecordingLogger | None = None
) -> AuthProviderRouteHandlers:
    settings = {"dangerouslyAllowOutsideDevelopment": True} if section is None else section
    return create_guest_provider(
        AuthProviderContext(
            provider_id="guest",
            config=config_from_data({"auth": {"providers": {"guest": settings}}}).get_config("auth.providers.guest"),
            base_url="http://localhost:7007/api/auth",
            app_url=None,
            logger=logger or RecordingLogger(),
            resolver_context=sign_in or FakeSignIn(),
        )
    )


def request() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/guest/refresh", "headers": [], "query_string": b""})


async def refresh(handlers: AuthProviderRouteHandlers) -> dict[str, Any]:
    assert handlers.refresh is not None
    session: dict[str, Any] = json.loads(bytes((await handlers.refresh(request())).body))
    return session


async def test_guests_are_refused_outside_of_development() -> None:
    """P6: without the flag, and not in development, refresh is 403 with a text that names the flag."""
    with pytest.raises(NotAllowedError, match=r"auth\.providers\.guest\.dangerouslyAllowOutsideDevelopment"):
        await refresh(provider({}))


@pytest.mark.parametrize("variable", ["NODE_ENV", "UNDERSTAGE_ENV"])
async def test_guests_may_sign_in_during_development(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """P6: in development the flag is not needed."""
    monkeypatch.setenv(variable, "development")
    assert (await refresh(provider({})))["backstageIdentity"]["identity"]["userEntityRef"] == GUEST


async def test_a_guest_that_the_catalog_knows_has_its_ownership() -> None:
    """P7: a guest user of the catalog owns things through its groups; the profile is empty."""
    session = await refresh(provider(sign_in=FakeSignIn(known=[GUEST])))
    assert session["profile"] == {}
    assert session["backstageIdentity"]["identity"] == {
        "type": "user",
        "userEntityRef": GUEST,
        "ownershipEntityRefs": [GUEST, "group:default/guests"],
    }


async def test_a_guest_that_the_catalog_does_not_know_owns_through_itself() -> None:
    """P7: without a user entity the guest owns things through its own ref."""
    logger = RecordingLogger()
    session = await refresh(provider(logger=logger))
    assert session["backstageIdentity"]["identity"]["ownershipEntityRefs"] == [GUEST]
    assert [level for level, _, _ in logger.entries] == ["debug"]


async def test_guests_get_in_while_the_catalog_is_away() -> None:
    """P7: any failure of the catalog falls back as well, with a warning."""
    logger = RecordingLogger()
    sign_in = FakeSignIn(failure=ServiceUnavailableError("no catalog"))
    session = await refresh(provider(sign_in=sign_in, logger=logger))
    assert session["backstageIdentity"]["identity"]["userEntityRef"] == GUEST
    assert [level for level, _, _ in logger.entries] == ["warning"]


async def test_the_configured_user_and_ownership_count() -> None:
    """P7: userEntityRef says who guests are, ownershipEntityRefs what they own things through outside the catalog."""
    section = {
        "userEntityRef": "User:Visitor",
        "ownershipEntityRefs": ["group:default/visitors"],
        "dangerouslyAllowOutsideDevelopment": True,
    }
    identity = (await refresh(provider(section)))["backstageIdentity"]["identity"]
    assert identity["userEntityRef"] == "user:default/visitor"
    assert identity["ownershipEntityRefs"] == ["group:default/visitors"]


@pytest.mark.parametrize("ref", ["user:", "user:default/", "a:b/"])
def test_a_configured_user_must_be_an_entity_ref(ref: str) -> None:
    """P3: a userEntityRef that is none is an error at start that names its key."""
    with pytest.raises(ConfigError, match=r"auth\.providers\.guest\.userEntityRef"):
        provider({"userEntityRef": ref})


def test_configuration_of_the_wrong_type_is_an_error() -> None:
    """P3: a value of the wrong type is an error at start that names its key."""
    with pytest.raises(ConfigError, match=r"auth\.providers\.guest\.ownershipEntityRefs"):
        provider({"ownershipEntityRefs": "group:default/a"})


async def test_guests_have_no_dialogue_and_no_logout() -> None:
    """P5: start and handler/frame are 501 NotImplementedError `Not implemented`; there is no logout."""
    handlers = provider()
    for handler in (handlers.start, handlers.frame_handler):
        with pytest.raises(UnsupportedOperationError, match=r"^Not implemented$"):
            await handler(request())
    assert handlers.logout is None
