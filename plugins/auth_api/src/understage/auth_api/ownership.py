"""Ownership: the refs through which a user owns things."""

from collections.abc import Sequence
from typing import Protocol

from understage.auth_api.sign_in import Entity


class AuthOwnershipResolver(Protocol):
    """Decides through which refs a user owns things."""

    async def resolve_ownership_entity_refs(self, entity: Entity) -> Sequence[str]:
        """Returns the refs, the user's own among them if it is to own things itself.

        Args:
            entity: the user, as the catalog returns it.
        """
        ...
