"""Sign-in resolvers: from what an identity provider says to a user of the catalog."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from typing_extensions import TypeVar

from understage.auth_api.types import ProfileInfo, SignInResult
from understage.errors import InputError

ResultT = TypeVar("ResultT")
Entity = Mapping[str, Any]
EntityFilter = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class CatalogUserQuery:
    """Which user to look for in the catalog: exactly one of the attributes is given.

    Attributes:
        entity_ref: the user's ref; kind and namespace default to `user` and `default`.
        annotations: annotations that the user has, with their values.
        filter: fields that the user has, with their value or allowed values, such as `{"spec.profile.email": "a@b.c"}`.

    Raises:
        InputError: none or several are given.
    """

    entity_ref: str | None = None
    annotations: Mapping[str, str] | None = None
    filter: EntityFilter | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("entity_ref", "annotations", "filter") if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise InputError(f"a catalog user is looked up by one of entity_ref, annotations or filter, not by {found}")


class AuthResolverContext(Protocol):
    """What a sign-in resolver can do."""

    async def issue_token(
        self, sub: str, *, ent: Sequence[str] | None = None, claims: Mapping[str, object] | None = None
    ) -> SignInResult:
        """Issues a user token.

        Args:
            sub: the user's entity ref; it need not be in the catalog.
            ent: the refs through which the user owns things; by default just the user.
            claims: further claims, none of the names `iss`, `sub`, `ent`, `aud`, `iat`, `exp` and `uip`.

        Raises:
            InputError: `sub` is no entity ref, or a further claim has a reserved name.
        """
        ...

    async def find_catalog_user(self, query: CatalogUserQuery) -> Entity:
        """Finds a user in the catalog.

        Raises:
            NotFoundError: there is none.
            ConflictError: there are several.
        """
        ...

    async def sign_in_with_catalog_user(
        self, query: CatalogUserQuery, *, dangerous_entity_ref_fallback: str | None = None
    ) -> SignInResult:
        """Finds a user in the catalog and issues a token with the ownership that the catalog gives.

        Args:
            query: which user.
            dangerous_entity_ref_fallback: signs in this user if there is none; whoever passes the identity provider
                then gets in.

        Raises:
            NotFoundError: there is none, and no fallback.
            ConflictError: there are several.
        """
        ...

    async def resolve_ownership_entity_refs(self, entity: Entity) -> Sequence[str]:
        """Returns the refs through which a user owns things.

        Args:
            entity: the user, as the catalog returns it.
        """
        ...


@dataclass(frozen=True, slots=True)
class SignInInfo(Generic[ResultT]):
    """What a sign-in resolver is given.

    Attributes:
        profile: what the identity provider tells of the person.
        result: the provider's own result.
    """

    profile: ProfileInfo
    result: ResultT


SignInResolver = Callable[[SignInInfo[ResultT], AuthResolverContext], Awaitable[SignInResult]]
