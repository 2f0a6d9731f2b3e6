"""Signing in: what sign-in resolvers can do."""

from collections.abc import Mapping, Sequence

from understage.auth.catalog_users import CatalogUsers
from understage.auth.ownership import OwnershipResolution
from understage.auth.tokens import UserTokenIssuer
from understage.auth_api import CatalogUserQuery, Entity, SignInResult
from understage.catalog_api import stringify_entity_ref
from understage.errors import NotFoundError


class SignInService:
    """Finds users and issues their tokens; the resolver context of all providers.

    Args:
        issuer: issues tokens.
        users: finds users in the catalog.
        ownership: resolves ownership.
    """

    def __init__(self, issuer: UserTokenIssuer, users: CatalogUsers, ownership: OwnershipResolution) -> None:
        self._issuer = issuer
        self._users = users
        self._ownership = ownership

    async def issue_token(
        self, sub: str, *, ent: Sequence[str] | None = None, claims: Mapping[str, object] | None = None
    ) -> SignInResult:
        """Issues a user token.

        Args:
            sub: the user's entity ref; it need not be in the catalog.
            ent: the refs through which the user owns things; by default just the user.
            claims: further claims.

        Raises:
            InputError: `sub` is no entity ref, or a further claim has a reserved name.
        """
        return await self._issuer.issue(sub, [sub] if ent is None else ent, claims or {})

    async def find_catalog_user(self, query: CatalogUserQuery) -> Entity:
        """Finds a user in the catalog.

        Raises:
            NotFoundError: there is none.
            ConflictError: there are several.
        """
        return await self._users.find(query)

    async def sign_in_with_catalog_user(
        self, query: CatalogUserQuery, *, dangerous_entity_ref_fallback: str | None = None
    ) -> SignInResult:
        """Finds a user in the catalog and issues a token with the ownership that the catalog gives.

        Args:
            query: which user.
            dangerous_entity_ref_fallback: signs in this user if there is none.

        Raises:
            NotFoundError: there is none, and no fallback.
            ConflictError: there are several.
        """
        try:
            entity = await self._users.find(query)
        except NotFoundError:
            if dangerous_entity_ref_fallback is None:
                raise
            return await self.issue_token(dangerous_entity_ref_fallback)
        ownership = await self._ownership.resolve_ownership_entity_refs(entity)
        return await self.issue_token(stringify_entity_ref(entity), ent=ownership)

    async def resolve_ownership_entity_refs(self, entity: Entity) -> Sequence[str]:
        """Returns the refs through which a user owns things.

        Args:
            entity: the user, as the catalog returns it.
        """
        return await self._ownership.resolve_ownership_entity_refs(entity)
