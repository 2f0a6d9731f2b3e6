"""A working user info service for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understage.errors import InputError
from understage.plugin_api import Credentials, Principal, UserInfo, UserPrincipal


class MockUserInfo:
    """Knows of each user that it owns things through its own ref, and nothing else.

    Args:
        ownership_entity_refs: the refs through which every user owns things, instead of the user's own.
    """

    def __init__(self, ownership_entity_refs: Sequence[str] | None = None) -> None:
        self._ownership_entity_refs = ownership_entity_refs

    async def get_user_info(self, credentials: Credentials[Any]) -> UserInfo:
        """Returns a user's ownership refs.

        Raises:
            InputError: the credentials are no user's.
        """
        principal: Principal = credentials.principal
        if not isinstance(principal, UserPrincipal):
            raise InputError(f"User info is known for users only, not for credential type '{principal.type}'")
        user = principal.user_entity_ref
        return UserInfo(user, [user] if self._ownership_entity_refs is None else self._ownership_entity_refs)
