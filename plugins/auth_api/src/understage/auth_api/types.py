"""What a sign-in yields, in the form in which it goes over the wire."""

from typing import Any

import msgspec


class ProfileInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What an identity provider tells of a person; all of it may be unknown.

    Attributes:
        email: an address.
        display_name: the name to show.
        picture: the address of a picture.
    """

    email: str | None = None
    display_name: str | None = None
    picture: str | None = None


class UserIdentity(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="user"):
    """Who has signed in.

    Attributes:
        user_entity_ref: the user, such as `user:default/jane`.
        ownership_entity_refs: the refs through which the user owns things: as a rule the user and its groups.
    """

    user_entity_ref: str
    ownership_entity_refs: tuple[str, ...]


class SignInResult(msgspec.Struct, frozen=True):
    """What a sign-in resolver returns.

    Attributes:
        token: the user token.
        identity: whom it stands for; None reads it from the token's claims `sub` and `ent`.
    """

    token: str
    identity: UserIdentity | None = None


class BackstageIdentity(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The part of a session that signs a user in.

    Attributes:
        token: the user token.
        identity: whom it stands for.
        expires_in_seconds: whole seconds until the token ends, if it does.
    """

    token: str
    identity: UserIdentity
    expires_in_seconds: int | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer to a refresh.

    Attributes:
        profile: what the identity provider tells of the person.
        provider_info: what the provider hands to the frontend, such as its own access token.
        backstage_identity: the signed-in user; None when the provider is only used for access to another system.
    """

    profile: ProfileInfo
    provider_info: dict[str, Any] | None = None
    backstage_identity: BackstageIdentity | None = None
