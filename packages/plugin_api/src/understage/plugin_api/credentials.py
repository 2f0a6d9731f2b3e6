"""Principals and credentials: who makes a request, and what proves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal

from typing_extensions import TypeIs, TypeVar

PrincipalType = Literal["user", "service", "none"]


@dataclass(frozen=True, slots=True)
class AccessRestrictions:
    """What a restricted service token may do on this plugin.

    Attributes:
        permission_names: names of the permissions it may use, or None for any.
        permission_actions: values of the permission attribute `action` that it may use, or None for any.
    """

    permission_names: tuple[str, ...] | None = None
    permission_actions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A service: another plugin (`plugin:<id>`) or an external caller.

    Attributes:
        subject: who it is.
        access_restrictions: what its token is limited to on this plugin, or None for no limit.
    """

    subject: str
    access_restrictions: AccessRestrictions | None = None
    type: Literal["service"] = field(default="service", init=False)


@dataclass(frozen=True, slots=True)
class UserPrincipal:
    """A signed-in user.

    Attributes:
        user_entity_ref: the user, such as `user:default/jane`.
        actor: the plugin that acts on the user's behalf, if one does.
    """

    user_entity_ref: str
    actor: ServicePrincipal | None = None
    type: Literal["user"] = field(default="user", init=False)


@dataclass(frozen=True, slots=True)
class NonePrincipal:
    """Nobody: the request carries no credentials."""

    type: Literal["none"] = field(default="none", init=False)


Principal = UserPrincipal | ServicePrincipal | NonePrincipal
PrincipalT = TypeVar("PrincipalT", bound=Principal, covariant=True, default=Principal)


class _TokenHolder:
    """Keeps a token where no serialiser looks: in a slot that is no field."""

    __slots__ = ("_token",)

    _token: str | None


@dataclass(frozen=True, slots=True)
class Credentials(_TokenHolder, Generic[PrincipalT]):
    """Who makes a request. The proof, a token, is held but never shown: not by `repr`, comparison or serialisation.

    Args:
        principal: who it is.
        expires_at: when the proof ends, in UTC, if it does.
        token: the proof; only implementations of the auth services read it, with `token_of`.
    """

    principal: PrincipalT
    expires_at: datetime | None = None
    token: InitVar[str | None] = None

    def __post_init__(self, token: str | None) -> None:
        """Puts the token away."""
        object.__setattr__(self, "_token", token)

    def cache_key(self) -> str:
        """Returns a stable text for the principal, with restrictions hashed and without the token."""
        return principal_key(self.principal)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles without the token."""
        return (type(self), (self.principal, self.expires_at))


def principal_key(principal: Principal) -> str:
    """Returns a stable text for a principal, usable as a cache key.

    Args:
        principal: a user, a service or nobody.
    """
    if isinstance(principal, UserPrincipal):
        actor = f",actor={principal_key(principal.actor)}" if principal.actor is not None else ""
        return f"user:{principal.user_entity_ref}{actor}"
    if isinstance(principal, ServicePrincipal):
        limits = principal.access_restrictions
        if limits is None:
            return f"service:{principal.subject}"
        text = json.dumps([limits.permission_names, limits.permission_actions])
        return f"service:{principal.subject},restrictions={hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return "none"


def token_of(credentials: Credentials[Any]) -> str | None:
    """Returns the token behind credentials; for implementations of the auth services only."""
    return credentials._token  # noqa: SLF001 - this function is the one way to it


def is_user(credentials: Credentials[Any]) -> TypeIs[Credentials[UserPrincipal]]:
    """Tells whether the credentials are a user's."""
    return isinstance(credentials.principal, UserPrincipal)


def is_service(credentials: Credentials[Any]) -> TypeIs[Credentials[ServicePrincipal]]:
    """Tells whether the credentials are a service's."""
    return isinstance(credentials.principal, ServicePrincipal)


def is_none(credentials: Credentials[Any]) -> TypeIs[Credentials[NonePrincipal]]:
    """Tells whether there are no credentials."""
    return isinstance(credentials.principal, NonePrincipal)


@dataclass(frozen=True, slots=True)
class LimitedUserToken:
    """A token that proves who a user is, for cookies and for acting on the user's behalf.

    Attributes:
        token: the token.
        expires_at: when it ends, in UTC.
    """

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UserInfo:
    """What is known of a user beyond the token.

    Attributes:
        user_entity_ref: the user.
        ownership_entity_refs: the refs through which the user owns things: the user and its groups.
    """

    user_entity_ref: str
    ownership_entity_refs: Sequence[str]
