"""Who owns what: the user itself and its groups, unless a module knows better."""

from collections.abc import Sequence

from understage.auth_api import AuthOwnershipResolver, Entity
from understage.catalog_api import parse_entity_ref, stringify_entity_ref
from understage.errors import ConflictError


class OwnershipResolution:
    """Resolves ownership; the extension point `auth.ownershipResolution` may replace the rule."""

    def __init__(self) -> None:
        self._resolver: AuthOwnershipResolver | None = None

    def set_auth_ownership_resolver(self, resolver: AuthOwnershipResolver) -> None:
        """Replaces the rule that a user owns things itself and through its groups.

        Args:
            resolver: the new rule.

        Raises:
            ConflictError: it has been replaced already.
        """
        if self._resolver is not None:
            raise ConflictError(
                f"the ownership resolver is set already, to a {type(self._resolver).__name__};"
                f" only one module can set one, so {type(resolver).__name__} must go"
            )
        self._resolver = resolver

    async def resolve_ownership_entity_refs(self, entity: Entity) -> Sequence[str]:
        """Returns the refs through which a user owns things.

        Args:
            entity: the user, as the catalog returns it.
        """
        if self._resolver is not None:
            return await self._resolver.resolve_ownership_entity_refs(entity)
        return default_ownership(entity)


def default_ownership(entity: Entity) -> list[str]:
    """Returns a user's ref and those of the groups that it is a member of, each once.

    Args:
        entity: the user, as the catalog returns it.
    """
    targets = [
        relation["targetRef"] for relation in entity.get("relations") or () if relation.get("type") == "memberOf"
    ]
    groups = [target for target in targets if parse_entity_ref(target).kind.lower() == "group"]
    return list(dict.fromkeys([stringify_entity_ref(entity), *groups]))
