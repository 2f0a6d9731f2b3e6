"""Finding users in the catalog and signing them in."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.auth.catalog_users import CatalogUsers
from understage.auth.ownership import OwnershipResolution, default_ownership
from understage.auth.service import SignInService
from understage.auth.tokens import UserTokenIssuer
from understage.auth_api import CatalogUserQuery, Entity
from understage.catalog_api import CatalogClient
from understage.errors import ConflictError, NotFoundError, ResponseError
from understage.plugin_api import Credentials, HttpResponse, Principal, ServicePrincipal

JANE = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "User",
    "metadata": {"name": "Jane", "namespace": "default"},
    "relations": [
        {"type": "memberOf", "targetRef": "group:default/team-a"},
        {"type": "ownerOf", "targetRef": "component:default/web"},
        {"type": "memberOf", "targetRef": "group:default/team-b"},
        {"type": "memberOf", "targetRef": "system:default/odd"},
        {"type": "memberOf", "targetRef": "group:default/team-a"},
    ],
}
JOHN = {"apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": {"name": "john", "namespace": "default"}}


def page(*users: object) -> dict[str, object]:
    return {"items": users, "totalItems": len(users), "pageInfo": {}}


class FakeAuth:
    """Mints tokens that tell for whom and for which plugin they are."""

    async def get_own_service_credentials(self) -> Credentials[ServicePrincipal]:
        return Credentials(ServicePrincipal("plugin:auth"))

    async def get_plugin_request_token(self, *, on_behalf_of: Credentials[Principal], target_plugin_id: str) -> str:
        assert isinstance(on_behalf_of.principal, ServicePrincipal)
        return f"{on_behalf_of.principal.subject}->{target_plugin_id}"


class OneAddress:
    """Says where the catalog is, to tests that cannot use the fixture: Hypothesis runs them many times."""

    async def get_base_url(self, plugin_id: str) -> str:
        return f"http://127.0.0.1:7007/api/{plugin_id}"


class FakeCatalog:
    """Answers the catalog's requests and keeps them."""

    def __init__(self, status: int, body: object) -> None:
        self.status, self.body = status, body
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[bytes | None] = []

    async def request(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        self.requests.append((url, headers["Authorization"]))
        self.bodies.append(body)
        return HttpResponse(self.status, "", {}, json.dumps(self.body).encode())


def catalog_users(discovery: Any, status: int, body: object) -> tuple[CatalogUsers, FakeCatalog]:
    catalog = FakeCatalog(status, body)
    return CatalogUsers(FakeAuth(), CatalogClient(discovery, catalog)), catalog  # type: ignore[arg-type]


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


async def test_a_user_is_asked_for_as_the_plugin_itself(discovery: Any) -> None:
    """P20: the catalog is asked with a token of the auth plugin, by name, with the kind and namespace filled in."""
    users, catalog = catalog_users(discovery, 200, JANE)
    assert await users.find(CatalogUserQuery(entity_ref="Jane")) == JANE
    ((url, authorization),) = catalog.requests
    assert url == "http://127.0.0.1:7007/api/catalog/entities/by-name/user/default/jane"
    assert authorization == "Bearer plugin:auth->catalog"


async def test_an_unknown_user_is_not_found(discovery: Any) -> None:
    """P20: a user that the catalog does not have is `User not found`."""
    users, _ = catalog_users(discovery, 404, {"error": {"name": "NotFoundError", "message": "no"}})
    with pytest.raises(NotFoundError, match=r"^User not found$"):
        await users.find(CatalogUserQuery(entity_ref="user:default/nobody"))
    users, _ = catalog_users(discovery, 200, page())
    with pytest.raises(NotFoundError, match=r"^User not found$"):
        await users.find(CatalogUserQuery(annotations={"github.com/user-login": "nobody"}))


async def test_a_catalog_that_refuses_is_no_unknown_user(discovery: Any) -> None:
    """P20: an error of the catalog is passed on."""
    users, _ = catalog_users(discovery, 503, {"error": {"name": "ServiceUnavailableError", "message": "starting"}})
    with pytest.raises(ResponseError, match="starting"):
        await users.find(CatalogUserQuery(entity_ref="user:default/jane"))


async def test_annotations_and_filters_find_users_only(discovery: Any) -> None:
    """P20: by annotations and by filter, only entities of kind user are looked at."""
    users, catalog = catalog_users(discovery, 200, page(JANE))
    await users.find(CatalogUserQuery(annotations={"google.com/email": "jane@x.org"}))
    await users.find(CatalogUserQuery(filter={"spec.profile.email": ["a@x.org", "b@x.org"]}))
    queries = [url.partition("?")[2] for url, _ in catalog.requests]
    assert queries[0] == "filter=kind%3Duser%2Cmetadata.annotations.google.com%2Femail%3Djane%40x.org"
    assert queries[1] == "filter=kind%3Duser%2Cspec.profile.email%3Da%40x.org%2Cspec.profile.email%3Db%40x.org"


async def test_several_users_are_a_conflict(discovery: Any) -> None:
    """P20: more than one match is a conflict that names them."""
    users, _ = catalog_users(discovery, 200, page(JOHN, JANE))
    with pytest.raises(ConflictError, match="user:default/jane, user:default/john"):
        await users.find(CatalogUserQuery(filter={"spec.profile.email": "a@x.org"}))


@given(st.text(), st.text())
async def test_what_an_identity_provider_says_cannot_widen_the_search(before: str, after: str) -> None:
    """P20: a value with a comma, which would end its statement of a filter, is sent as one value of a predicate."""
    users, catalog = catalog_users(OneAddress(), 200, page(JANE))
    said = f"{before},{after}"
    assert await users.find(CatalogUserQuery(annotations={"github.com/user-login": said})) == JANE
    ((url, _),) = catalog.requests
    assert url == "http://127.0.0.1:7007/api/catalog/entities/by-query"
    (body,) = catalog.bodies
    assert json.loads(body or b"") == {"query": {"kind": "user", "metadata.annotations.github.com/user-login": said}}


async def test_values_with_commas_may_be_several(discovery: Any) -> None:
    """P20: of several allowed values, those with commas are whole ones too."""
    users, catalog = catalog_users(discovery, 200, page(JANE))
    await users.find(CatalogUserQuery(filter={"spec.profile.displayName": ["Doe, Jane", "Jane Doe"]}))
    (body,) = catalog.bodies
    wanted = {"kind": "user", "spec.profile.displayName": {"$in": ["Doe, Jane", "Jane Doe"]}}
    assert json.loads(body or b"") == {"query": wanted}


def test_users_own_through_themselves_and_their_groups() -> None:
    """P16: ownership is the user, then the groups that it is a member of, each once; other relations do not count."""
    assert default_ownership(JANE) == ["user:default/jane", "group:default/team-a", "group:default/team-b"]


def test_a_user_without_relations_owns_through_itself() -> None:
    """P16: without groups, the user alone."""
    assert default_ownership(JOHN) == ["user:default/john"]


class EverythingIsMine:
    async def resolve_ownership_entity_refs(self, entity: Entity) -> Sequence[str]:
        return [f"group:default/{entity['metadata']['name']}"]


async def test_a_module_may_set_another_rule_of_ownership() -> None:
    """P16: the resolver of auth.ownershipResolution replaces the rule."""
    ownership = OwnershipResolution()
    ownership.set_auth_ownership_resolver(EverythingIsMine())
    assert await ownership.resolve_ownership_entity_refs(JOHN) == ["group:default/john"]


def test_the_rule_of_ownership_is_set_once() -> None:
    """P19: a second ownership resolver is a conflict that names both."""
    ownership = OwnershipResolution()
    ownership.set_auth_ownership_resolver(EverythingIsMine())
    with pytest.raises(ConflictError, match="EverythingIsMine"):
        ownership.set_auth_ownership_resolver(EverythingIsMine())


async def test_a_catalog_user_signs_in_with_its_ownership(discovery: Any, issuer: UserTokenIssuer, users: Any) -> None:
    """P16, P20: the token is the user's, in lower case, with the ownership that the catalog gives."""
    service = SignInService(issuer, catalog_users(discovery, 200, JANE)[0], OwnershipResolution())
    result = await service.sign_in_with_catalog_user(CatalogUserQuery(entity_ref="jane"))
    assert claims_of(result.token)["sub"] == "user:default/jane"
    assert result.identity is not None
    assert result.identity.ownership_entity_refs == tuple(default_ownership(JANE))
    assert json.loads(users.rows["user:default/jane"])["claims"]["ent"] == default_ownership(JANE)


async def test_signing_in_somebody_unknown_fails(discovery: Any, issuer: UserTokenIssuer, users: Any) -> None:
    """P20: without a fallback an unknown user does not get a token."""
    service = SignInService(issuer, catalog_users(discovery, 404, {})[0], OwnershipResolution())
    with pytest.raises(NotFoundError, match="User not found"):
        await service.sign_in_with_catalog_user(CatalogUserQuery(entity_ref="nobody"))
    assert users.rows == {}


async def test_a_fallback_signs_in_somebody_unknown(discovery: Any, issuer: UserTokenIssuer) -> None:
    """P20: a resolver may accept those that the catalog does not know."""
    service = SignInService(issuer, catalog_users(discovery, 404, {})[0], OwnershipResolution())
    result = await service.sign_in_with_catalog_user(
        CatalogUserQuery(entity_ref="new"), dangerous_entity_ref_fallback="user:default/new"
    )
    assert claims_of(result.token)["sub"] == "user:default/new"


async def test_a_resolver_can_look_at_the_user_first(discovery: Any, issuer: UserTokenIssuer) -> None:
    """P16, P20: finding a user, resolving its ownership and issuing its token are there one by one as well."""
    service = SignInService(issuer, catalog_users(discovery, 200, JANE)[0], OwnershipResolution())
    entity = await service.find_catalog_user(CatalogUserQuery(entity_ref="jane"))
    assert await service.resolve_ownership_entity_refs(entity) == default_ownership(JANE)
    result = await service.issue_token("user:default/jane", claims={"team": "a"})
    assert claims_of(result.token)["team"] == "a"
    assert result.identity is not None
    assert result.identity.ownership_entity_refs == ("user:default/jane",)
