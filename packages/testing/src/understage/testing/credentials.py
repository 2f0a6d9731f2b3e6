"""Credentials for tests: `mock_credentials.user.header()` and its siblings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from understage.plugin_api import (
    AccessRestrictions,
    Credentials,
    NonePrincipal,
    Principal,
    ServicePrincipal,
    UserPrincipal,
)

DEFAULT_USER: Final = "user:default/mock"
DEFAULT_SERVICE: Final = "external:test-service"
COOKIE_NAME: Final = "backstage-auth"

NONE_TOKEN: Final = "mock-none-token"
USER_TOKEN: Final = "mock-user-token"
LIMITED_USER_TOKEN: Final = "mock-limited-user-token"
SERVICE_TOKEN: Final = "mock-service-token"
INVALID_USER_TOKEN: Final = "mock-invalid-user-token"
INVALID_LIMITED_USER_TOKEN: Final = "mock-invalid-limited-user-token"
INVALID_SERVICE_TOKEN: Final = "mock-invalid-service-token"


def check_user_ref(user_entity_ref: str) -> str:
    """Returns a user's ref if it is complete.

    Raises:
        TypeError: it does not read `user:<namespace>/<name>`.
    """
    kind, colon, rest = user_entity_ref.partition(":")
    namespace, slash, name = rest.partition("/")
    if kind.lower() != "user" or not (colon and slash and namespace and name) or "/" in name:
        raise TypeError(f"'{user_entity_ref}' is no user's ref; expected 'user:<namespace>/<name>'")
    return user_entity_ref


def with_payload(token: str, **payload: object) -> str:
    """Returns a mock token that says more, as JSON without spaces; values that are None are left out."""
    present = {key: value for key, value in payload.items() if value is not None}
    return f"{token}:{json.dumps(present, separators=(',', ':'))}"


def bearer(token: str) -> dict[str, str]:
    """Returns the header that presents a token."""
    return {"Authorization": f"Bearer {token}"}


class NoneCredentials:
    """Nobody. Where a test backend takes a request without credentials for the mock user's, this says nobody."""

    def __call__(self) -> Credentials[NonePrincipal]:
        """Returns the credentials of nobody."""
        return Credentials(NonePrincipal())

    def header(self) -> dict[str, str]:
        """Returns the header by which a request is nobody's, whatever the default."""
        return bearer(NONE_TOKEN)


class UserCredentials:
    """A signed-in user, `user:default/mock` unless another is named."""

    def __call__(self, user_entity_ref: str = DEFAULT_USER, *, actor: str | None = None) -> Credentials[UserPrincipal]:
        """Returns a user's credentials.

        Args:
            user_entity_ref: the user.
            actor: the service that acts on the user's behalf, such as `plugin:search`.

        Raises:
            TypeError: the ref is malformed.
        """
        principal = UserPrincipal(check_user_ref(user_entity_ref), ServicePrincipal(actor) if actor else None)
        return Credentials(principal, token=self.token(user_entity_ref, actor=actor))

    def token(self, user_entity_ref: str = DEFAULT_USER, *, actor: str | None = None) -> str:
        """Returns a token of the user.

        Raises:
            TypeError: the ref is malformed.
        """
        check_user_ref(user_entity_ref)
        if user_entity_ref == DEFAULT_USER and actor is None:
            return USER_TOKEN
        return with_payload(USER_TOKEN, sub=user_entity_ref, actor=actor)

    def header(self, user_entity_ref: str = DEFAULT_USER, *, actor: str | None = None) -> dict[str, str]:
        """Returns the header that presents the user's token.

        Raises:
            TypeError: the ref is malformed.
        """
        return bearer(self.token(user_entity_ref, actor=actor))

    def invalid_token(self) -> str:
        """Returns a token that no mock service accepts."""
        return INVALID_USER_TOKEN

    def invalid_header(self) -> dict[str, str]:
        """Returns a header with a token that no mock service accepts."""
        return bearer(INVALID_USER_TOKEN)


class LimitedUserCredentials:
    """A user with a limited token, as browsers hold it in a cookie."""

    def __call__(self, user_entity_ref: str = DEFAULT_USER) -> Credentials[UserPrincipal]:
        """Returns a user's credentials with a limited token behind them.

        Raises:
            TypeError: the ref is malformed.
        """
        return Credentials(UserPrincipal(user_entity_ref), token=self.token(user_entity_ref))

    def token(self, user_entity_ref: str = DEFAULT_USER) -> str:
        """Returns a limited token of the user.

        Raises:
            TypeError: the ref is malformed.
        """
        return with_payload(LIMITED_USER_TOKEN, sub=check_user_ref(user_entity_ref))

    def header(self, user_entity_ref: str = DEFAULT_USER) -> dict[str, str]:
        """Returns the header that presents the limited token.

        Raises:
            TypeError: the ref is malformed.
        """
        return bearer(self.token(user_entity_ref))

    def cookie(self, user_entity_ref: str = DEFAULT_USER) -> dict[str, str]:
        """Returns the header that presents the limited token as a cookie.

        Raises:
            TypeError: the ref is malformed.
        """
        return {"Cookie": f"{COOKIE_NAME}={self.token(user_entity_ref)}"}

    def invalid_token(self) -> str:
        """Returns a limited token that no mock service accepts."""
        return INVALID_LIMITED_USER_TOKEN

    def invalid_header(self) -> dict[str, str]:
        """Returns a header with a limited token that no mock service accepts."""
        return bearer(INVALID_LIMITED_USER_TOKEN)

    def invalid_cookie(self) -> dict[str, str]:
        """Returns a cookie header with a limited token that no mock service accepts."""
        return {"Cookie": f"{COOKIE_NAME}={INVALID_LIMITED_USER_TOKEN}"}


class ServiceCredentials:
    """A service, `external:test-service` unless another is named."""

    def __call__(
        self,
        subject: str = DEFAULT_SERVICE,
        *,
        permission_names: Sequence[str] | None = None,
        permission_actions: Sequence[str] | None = None,
    ) -> Credentials[ServicePrincipal]:
        """Returns a service's credentials.

        Args:
            subject: who it is: `plugin:<id>`, or any text for an outside caller.
            permission_names: permissions that it is limited to.
            permission_actions: values of the permission attribute `action` that it is limited to.
        """
        restrictions = None
        if permission_names is not None or permission_actions is not None:
            restrictions = AccessRestrictions(
                None if permission_names is None else tuple(permission_names),
                None if permission_actions is None else tuple(permission_actions),
            )
        token = SERVICE_TOKEN if subject == DEFAULT_SERVICE else with_payload(SERVICE_TOKEN, sub=subject)
        return Credentials(ServicePrincipal(subject, restrictions), token=token)

    def token(self, *, on_behalf_of: Credentials[Any] | None = None, target_plugin_id: str | None = None) -> str:
        """Returns a token of a service.

        Args:
            on_behalf_of: the user that the service acts for, or the service whose token it is.
            target_plugin_id: the only plugin whose mock auth service accepts the token.
        """
        if on_behalf_of is None and target_plugin_id is None:
            return SERVICE_TOKEN
        principal: Principal | None = on_behalf_of.principal if on_behalf_of is not None else None
        return with_payload(
            SERVICE_TOKEN,
            sub=principal.subject if isinstance(principal, ServicePrincipal) else None,
            obo=principal.user_entity_ref if isinstance(principal, UserPrincipal) else None,
            target=target_plugin_id,
        )

    def header(
        self, *, on_behalf_of: Credentials[Any] | None = None, target_plugin_id: str | None = None
    ) -> dict[str, str]:
        """Returns the header that presents a service's token; arguments as for `token`."""
        return bearer(self.token(on_behalf_of=on_behalf_of, target_plugin_id=target_plugin_id))

    def invalid_token(self) -> str:
        """Returns a token that no mock service accepts."""
        return INVALID_SERVICE_TOKEN

    def invalid_header(self) -> dict[str, str]:
        """Returns a header with a token that no mock service accepts."""
        return bearer(INVALID_SERVICE_TOKEN)


class MockCredentials:
    """Credentials, tokens, headers and cookies that the mock auth services understand.

    Attributes:
        none: nobody.
        user: a signed-in user.
        limited_user: a user with a limited token, as in a cookie.
        service: another plugin, or an outside caller.
    """

    none: NoneCredentials = NoneCredentials()
    user: UserCredentials = UserCredentials()
    limited_user: LimitedUserCredentials = LimitedUserCredentials()
    service: ServiceCredentials = ServiceCredentials()


mock_credentials: MockCredentials = MockCredentials()
